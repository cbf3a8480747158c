import Fleet
import FleetSetup
import Foundation
import Kernel
import LabSupport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A fleet's folder` {
  @Test func `is opened as it was made, and its files are the owner's alone`() throws {
    let fleet = try LabFleet()
    let opened = try FleetFolder(opening: fleet.path(""))
    #expect(opened.boxes == fleet.folder.boxes && opened.boxes.map(\.name) == ["b1", "b2"])
    #expect(opened.brokers == fleet.folder.brokers)
    let files = try #require(FileManager.default.enumerator(atPath: fleet.path("")))
    var count = 0
    for case let file as String in files {
      let attributes = try FileManager.default.attributesOfItem(atPath: fleet.path(file))
      let isDirectory = attributes[.type] as? FileAttributeType == .typeDirectory
      let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue
      #expect(mode == (isDirectory ? 0o700 : 0o600), "\(file)")
      count += 1
    }
    #expect(count > 40)
  }

  @Test func `has for each box what it needs`() throws {
    let fleet = try LabFleet()
    let files = try FileManager.default.contentsOfDirectory(atPath: fleet.path("boxes/b1")).sorted()
    #expect(
      files == [
        "ca.crt", "client.crt", "client.key", "deny.pub", "fleet.pub", "identity.key", "name",
        "servers", "submit.pub", "tls-name",
      ])
    let servers = String(decoding: try fleet.bytes("boxes/b1/servers"), as: UTF8.self)
    #expect(servers == "\(fleet.servers[0])\n")
    let boxes = String(decoding: try fleet.bytes("collector/boxes"), as: UTF8.self)
    #expect(boxes == fleet.folder.boxes.map { "\($0.name) \($0.identity)\n" }.joined())
    let shown = try mustRun([
      "openssl", "verify", "-CAfile", fleet.path("boxes/b1/ca.crt"), fleet.path("boxes/b1/client.crt"),
    ])
    #expect(shown.output.contains(": OK"))
  }

  @Test func `gives a name that was revoked another user`() throws {
    let fleet = try LabFleet()
    try fleet.revoke("b1")
    #expect(throws: Fault.self) { try fleet.revoke("b1") }
    #expect(!FileManager.default.fileExists(atPath: fleet.path("boxes/b1/client.key")))
    try fleet.addBox("b1")
    #expect(throws: Fault.self) { try fleet.addBox("b1") }
    #expect(fleet.folder.boxes.map(\.issue) == [2, 1])
    let text = String(decoding: try fleet.bytes("broker/s0/nats-server.conf"), as: UTF8.self)
    #expect(text.contains("\"2.b1.fleet.synbox\"") && !text.contains("\"1.b1.fleet.synbox\""))
  }

  @Test func `is not made twice, or of what would not work`() throws {
    let fleet = try LabFleet()
    let broker = fleet.folder.brokers[0]
    let root = fleet.directory
    func failure(_ folder: String, _ brokers: [Broker], _ keys: [String]) -> String {
      do throws(Fault) {
        _ = try FleetFolder.create(
          root.appending(path: folder).path, name: "lab", brokers: brokers, submitKeys: keys,
          denyKeys: keys)
        return ""
      } catch { return error.description }
    }
    let keys = [LabFleet.operatorKey]
    #expect(failure("fleet", [broker], keys).contains("is a fleet's folder already"))
    #expect(failure("new", [], keys).contains("needs a broker"))
    #expect(failure("new", [broker, broker], keys).contains("two brokers have one name"))
    #expect(failure("new", [broker], []).contains("key that may submit"))
    #expect(failure("new", [broker], ["ssh-ed25519 x"]).contains("public key"))
    var wrong = broker
    wrong.directory = "/a\"b"
    #expect(failure("new", [wrong], keys).contains("absolute path"))
    wrong = broker
    wrong.name = "a b"
    #expect(failure("new", [wrong], keys).contains("no name of a broker"))
    let record = try fleet.bytes("fleet.json")
    let other = String(decoding: record, as: UTF8.self).replacing(
      "\"version\" : 1", with: "\"version\" : 2")
    try Data(other.utf8).write(to: URL(fileURLWithPath: fleet.path("fleet.json")))
    #expect(throws: Fault.self) { _ = try FleetFolder(opening: fleet.path("")) }
  }
}
