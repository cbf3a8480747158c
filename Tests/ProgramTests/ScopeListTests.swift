// The scope lists: which states of a list are valid, at the start of a box and while jobs run.
import Box
import Foundation
import Plan
import Testing
import Wire

@testable import Engine
@testable import synbox

/// One state of a list on the disk.
struct ListState: CustomStringConvertible, Sendable {
  let description: String
  /// nil for a missing file.
  let bytes: [UInt8]?
  /// Part of the message that rejects the list; nil if it is valid.
  let rejection: String?

  init(_ description: String, _ bytes: [UInt8]?, _ rejection: String?) {
    self.description = description
    self.bytes = bytes
    self.rejection = rejection
  }

  static let bad: [ListState] = [
    ListState("missing", nil, "never.txt"),
    ListState("empty", [], "never.txt:1:1: found no entry"),
    ListState("nothing but comments", Array("# none\n".utf8), "never.txt:2:1: found no entry"),
    ListState(
      "half-written, cut off within an address", Array("198.18.200.0/24\n198.18.20".utf8),
      "never.txt:2:1: found \"198.18.20\""),
    ListState(
      "half-written, cut off so that the rest is another address",
      Array("198.18.200.0/24\n198.18.201.1".utf8),
      "never.txt:2:13: found the end of the file, expected a line end"),
    ListState(
      "padded with zeros by a power cut", Array("198.18.200.0/24\n\0\0\0\0".utf8),
      "never.txt:2:1: found \"\\x00\""),
    ListState(
      "with an IPv6 line", Array("198.18.200.0/24\n2001:db8::/32\n".utf8),
      "never.txt:2:1: found \"2001:db8::/32\", expected an IPv4 address; IPv6 is not supported"),
    ListState("no list", Array("<html>\n".utf8), "never.txt:1:1: found \"<html>\""),
    ListState("UTF-16", [0xff, 0xfe, 0x31, 0], "never.txt:1:1: found UTF-16"),
  ]
  static let good: [ListState] = [
    ListState("with Windows line ends", Array("198.18.201.0/24\r\n# x\r\n".utf8), nil),
    ListState("with a UTF-8 byte order mark", Array("\u{feff}198.18.201.0/24\n".utf8), nil),
  ]
}

@Suite(.timeLimit(.minutes(5))) struct `A list of the scope` {
  private static let valid = Array("198.18.200.0/24\n".utf8)

  /// A directory with a configuration and its list.
  private final class Lists {
    let directory: TestDirectory
    var path: String { directory.url("synbox.toml").path }

    init() throws {
      directory = try TestDirectory()
      try directory.write(
        "data = \"data\"\ninterface = \"eth0\"\n"
          + "[scope]\nallow = \"198.18.0.0/15\"\ndeny-file = \"never.txt\"\n", to: "synbox.toml")
      try put(valid)
    }

    /// Replaces the list atomically, as editors do, or removes it.
    func put(_ bytes: [UInt8]?) throws {
      let list = directory.url("never.txt")
      guard let bytes else { return try FileManager.default.removeItem(at: list) }
      try Data(bytes).write(to: list, options: .atomic)
    }

    func load() throws -> LoadedConfiguration { try LoadedConfiguration(path: path) }
  }

  /// A box watches its lists; time passes by `look()`.
  private struct Watched {
    let lists: Lists
    let watch: ScopeWatch
    private var last: ScopeWatch.Snapshot

    init() throws {
      lists = try Lists()
      let loaded = try lists.load()
      watch = ScopeWatch(
        loaded.configuration.scope, inForce: loaded.scope, statuses: loaded.lists)
      last = ScopeWatch.Snapshot(statuses: loaded.lists)
    }

    mutating func look() -> [ScopeReport] {
      watch.check(since: &last)
      return watch.takeReports()
    }

    mutating func put(_ bytes: [UInt8]?) throws -> [ScopeReport] {
      try lists.put(bytes)
      return look()
    }
  }

  @Test(arguments: ListState.bad)
  func `keeps the box from starting if it is`(_ state: ListState) throws {
    let lists = try Lists()
    _ = try lists.load()
    try lists.put(state.bytes)
    let mistake = try #require(throws: InputError.self) { _ = try lists.load() }
    #expect(mistake.description.contains(try #require(state.rejection)), "\(mistake)")
  }

  @Test(arguments: ListState.bad)
  func `closes the gates of jobs as long as it is`(_ state: ListState) throws {
    var watched = try Watched()
    let rejection = try #require(state.rejection)
    let running = watched.watch.permit().gate
    let first = watched.look()
    #expect(first == [.unchanged] && running.pause.sentences.isEmpty)

    let reports = try watched.put(state.bytes)
    guard reports.count == 1, case .invalid(let reason) = reports[0] else {
      Issue.record("\(reports)")
      return
    }
    #expect(reason.contains(rejection))
    #expect(running.pause.sentences == [reason])
    // A job that begins meanwhile may not send either.
    let next = watched.watch.permit()
    #expect(next.gate.pause.sentences == [reason])
    // Nothing is logged again each second, but a list that cannot be opened is tried again.
    let again = watched.look()
    #expect(again == (state.bytes == nil ? reports : [.unchanged]))

    let before = watched.watch.inForce.sha256
    let valid = try watched.put(Self.valid)
    #expect(valid == [.valid(sha256: before, newlyDenied: 0)])
    #expect(running.pause.sentences.isEmpty && next.gate.pause.sentences.isEmpty)
    #expect(running.account.changes == 0)
  }

  @Test(arguments: ListState.good) func `is valid`(_ state: ListState) throws {
    var watched = try Watched()
    let running = watched.watch.permit().gate
    let before = watched.watch.inForce.sha256
    let reports = try watched.put(state.bytes)
    let inForce = watched.watch.inForce
    #expect(inForce.sha256 != before)
    #expect(reports == [.valid(sha256: inForce.sha256, newlyDenied: 256)])
    let denied = inForce.scope.deny
    #expect(!denied.contains(IPv4Address(198, 18, 200, 1)))
    #expect(denied.contains(IPv4Address(198, 18, 201, 1)))
    // The jobs that run stop probing what is newly denied.
    #expect(running.account == (1, inForce.sha256))
    #expect(watched.watch.permit().gate.account == (0, inForce.sha256))
  }

  @Test func `replaced by a reload is not read any more`() throws {
    var watched = try Watched()
    let other = try Lists()
    let loaded = try other.load()
    #expect(watched.watch.replace(loaded.configuration.scope, with: loaded.scope) == 0)
    let unchanged = ScopeReport.valid(sha256: loaded.scope.sha256, newlyDenied: 0)
    let reports = try watched.put(nil)
    #expect(reports == [unchanged])
    try other.put(nil)
    guard case .invalid = watched.look().last else {
      Issue.record("the list of the new configuration is not watched")
      return
    }
  }
}
