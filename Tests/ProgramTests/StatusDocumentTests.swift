// What `synbox status` makes of status.json, whatever it holds. Tests/BoxTests has what it shows of it.
import BoxAPI
import Foundation
import Kernel
import Testing

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `A status file` {
  private func fault(_ text: String?, age: Double = 0) throws -> String? {
    let directory = try TestDirectory()
    let path = directory.url("status.json").path
    if let text {
      try directory.write(text, to: "status.json")
      try FileManager.default.setAttributes([.modificationDate: Date.now - age], ofItemAtPath: path)
    }
    do throws(Fault) {
      let document = try StatusDocument.read(path)
      #expect(document.bytes == Array((text ?? "").utf8))
      #expect(document.report.text.hasPrefix("state      "))
      try document.requireFresh()
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `that is missing is an error`() throws {
    #expect(try fault(nil)?.contains("no status file") == true)
  }

  @Test(arguments: ["", "{", "[]", "{\"state\": 1}", "\u{0}", "{\"time\":\"\"}"])
  func `is rejected if it is no status`(_ text: String) throws {
    #expect(try fault(text)?.contains("is not a status file") == true)
  }

  @Test func `is an error once the box has not written it for a while`() throws {
    #expect(try fault("{\"state\": \"idle\"}") == nil)
    #expect(try fault("{\"state\": \"idle\"}", age: 3) == nil)
    let stale = try #require(try fault("{\"state\": \"idle\"}", age: 37))
    #expect(stale.contains("was last written 3"), "\(stale)")
  }

  @Test(arguments: ["stopped", "failed"]) func `of a box that has ended does not become stale`(
    _ state: String
  ) throws {
    #expect(try fault("{\"state\": \"\(state)\"}", age: 3600) == nil)
  }

  @Test func `is never a FIFO, which could block for ever`() throws {
    let directory = try TestDirectory()
    let path = directory.url("status.json").path
    let made = unsafe mkfifo(path, 0o644)
    try #require(made == 0)
    #expect(throws: Fault.self) { try StatusDocument.read(path) }
  }
}
