// The licence of a fleet's box: what it may look like, and what follows from it.
import Box
import BoxAPI
import Foundation
import Plan
import Testing
import Wire

@testable import Engine
@testable import synbox

private let boot = "11111111-2222-3333-4444-555555555555"
private let second: UInt64 = 1_000_000_000

/// A licence and its deny list in a directory of their own; time passes by `look`.
private struct Fleet {
  let directory: TestDirectory
  let watch: LicenceWatch
  private var memory = LicenceWatch.Memory()

  init() throws {
    directory = try TestDirectory()
    watch = try LicenceWatch(directory.url("licence").path, bootID: boot)
  }

  static func text(
    version: Int = 1, boot: String = boot, rate: String = "400", expires: UInt64 = 100 * second,
    sequence: Int = 1, list: String = ""
  ) -> String {
    """
    version = \(version)
    boot-id = "\(boot)"
    rate = \(rate)
    expires = \(expires)
    deny-sequence = \(sequence)
    deny-sha256 = "\(SHA256.hex(Array(list.utf8)))"

    """
  }

  /// Replaces a file as an agent does, or removes it.
  func put(_ name: String, _ text: String?) throws {
    guard let text else { return try FileManager.default.removeItem(at: directory.url(name)) }
    try Data(text.utf8).write(to: directory.url(name), options: .atomic)
  }

  mutating func look(at now: UInt64 = 50 * second) -> LicenceStatus {
    watch.look(&memory, at: now)
    return watch.status(at: now)
  }

  /// The rate of the only sender.
  func rate(at now: UInt64 = 50 * second) -> UInt64? {
    var share = LicensedShare(watch.gate, index: 0, of: 1, jobRate: 0)
    return share.rate(at: now)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A licence` {
  @Test func `allows its rate until it expires`() throws {
    var fleet = try Fleet()
    try fleet.put("deny", "")
    try fleet.put("licence", Fleet.text())
    let valid = fleet.look(at: 98 * second)
    #expect(valid.state == "valid" && valid.reason == nil && valid.rate == 400)
    #expect(valid.denySequence == 1 && valid.expiresIn == 2)
    #expect(fleet.watch.takeReport() == .valid)
    #expect(fleet.watch.takeReport() == nil, "the box is told once")
    #expect(fleet.rate(at: 98 * second) == 400)
    // The senders do not need the thread for this.
    #expect(fleet.rate(at: 100 * second) == nil)
    let expired = fleet.look(at: 100 * second)
    #expect(expired.state == "expired" && expired.rate == 0 && expired.expiresIn == nil)
    #expect(expired.reason?.contains("has expired") == true)
    guard case .invalid = fleet.watch.takeReport() else {
      Issue.record("the box was not told")
      return
    }
    try fleet.put("licence", Fleet.text(rate: "200", expires: 200 * second))
    #expect(fleet.look(at: 101 * second).state == "valid")
    #expect(fleet.rate(at: 101 * second) == 200)
  }

  @Test func `is needed`() throws {
    var fleet = try Fleet()
    let missing = fleet.look()
    #expect(missing.state == "missing" && missing.reason?.contains("there is no licence") == true)
    #expect(missing.denySequence == nil)
    #expect(fleet.rate() == nil)
    try fleet.put("deny", "")
    try fleet.put("licence", Fleet.text())
    #expect(fleet.look().state == "valid")
    try fleet.put("licence", nil)
    #expect(fleet.look().state == "missing" && fleet.rate() == nil)
  }

  @Test func `of rate 0 allows nothing and is no fault`() throws {
    var fleet = try Fleet()
    try fleet.put("deny", "")
    try fleet.put("licence", Fleet.text(rate: "0"))
    let status = fleet.look()
    #expect(status.state == "valid" && status.rate == 0 && status.reason?.contains("rate of 0") == true)
    guard case .withoutRate = fleet.watch.takeReport() else {
      Issue.record("the box was told otherwise")
      return
    }
    #expect(fleet.rate() == nil)
  }

  private static let mistakes: [(String, String)] = [
    (Fleet.text(version: 2), "licence:1:1: found 2, expected 1, the version that this synbox reads"),
    (
      Fleet.text(boot: "99999999-2222-3333-4444-555555555555"),
      "licence:2:1: found \"99999999-2222-3333-4444-555555555555\", expected \"\(boot)\", this boot's"
    ),
    (Fleet.text(rate: "-1"), "licence:3:1: found -1, expected a number from 0 to"),
    (Fleet.text(rate: "400\nspeed = 1"), "licence:4:1: found the key \"speed\""),
    (Fleet.text(sequence: 2, list: "x"), "deny: found a deny list with SHA-256 e3b0c442"),
    (String(Fleet.text().dropLast(40)), "licence:6:"),
    (String(Fleet.text().prefix(Fleet.text().count - 82)), "licence:1:1: found no deny-sha256"),
    ("", "licence:1:1: found no version"),
    (String(repeating: "#", count: 5000), "licence is larger than 4096 bytes"),
  ]

  @Test(arguments: mistakes)
  func `with a mistake is refused, with its place and the reason`(_ text: String, _ reason: String)
    throws
  {
    var fleet = try Fleet()
    try fleet.put("deny", "")
    try fleet.put("licence", Fleet.text())
    #expect(fleet.look().state == "valid")
    try fleet.put("licence", text)
    let status = fleet.look()
    #expect(status.state == "invalid" && status.rate == 0)
    #expect(status.reason?.contains(reason) == true, "\(status.reason ?? "none")")
    #expect(fleet.rate() == nil)
    try fleet.put("licence", Fleet.text())
    #expect(fleet.look().state == "valid" && fleet.rate() == 400)
  }

  @Test(arguments: [
    (nil, "cannot open"), ("198.18.4.0/33\n", "deny:1:"), ("198.18.4.1", "expected a line end"),
  ])
  func `with a deny list that is missing or wrong is refused`(_ list: String?, _ reason: String) throws
  {
    var fleet = try Fleet()
    if let list { try fleet.put("deny", list) }
    try fleet.put("licence", Fleet.text(list: list ?? ""))
    let status = fleet.look()
    #expect(status.state == "invalid" && status.reason?.contains(reason) == true, "\(status)")
    #expect(fleet.rate() == nil)
  }

  @Test func `with an older deny list, or another one of the same number, is refused`() throws {
    var fleet = try Fleet()
    let (first, other) = ("198.18.4.0/24\n", "198.18.5.0/24\n")
    try fleet.put("deny", first)
    try fleet.put("licence", Fleet.text(sequence: 5, list: first))
    #expect(fleet.look().denySequence == 5)
    try fleet.put("licence", Fleet.text(sequence: 4, list: first))
    #expect(fleet.look().reason?.contains("found deny-sequence 4, expected at least 5") == true)
    try fleet.put("deny", other)
    try fleet.put("licence", Fleet.text(sequence: 5, list: other))
    #expect(fleet.look().reason?.contains("with another deny-sha256") == true)
    #expect(fleet.rate() == nil)
    try fleet.put("licence", Fleet.text(sequence: 6, list: other))
    #expect(fleet.look().denySequence == 6)
    #expect(fleet.rate() == 400)
  }

  @Test func `denies the addresses of its list to jobs that run and to later ones`() throws {
    var fleet = try Fleet()
    let first = ScopeGate(sha256: "s")
    fleet.watch.attach(first)
    let (one, two) = ("198.18.4.0/24\n", "198.18.5.0/24\n")
    try fleet.put("deny", one)
    try fleet.put("licence", Fleet.text(list: one))
    #expect(fleet.look().state == "valid")
    let later = ScopeGate(sha256: "s")
    fleet.watch.attach(later)
    for gate in [first, later] {
      #expect(gate.denied?.contains(IPv4Address(198, 18, 4, 9)) == true)
      #expect(gate.account.changes == 0, "it is no change of the scope")
    }
    try fleet.put("deny", two)
    try fleet.put("licence", Fleet.text(sequence: 2, list: two))
    #expect(fleet.look().denySequence == 2)
    for gate in [first, later] {
      #expect(gate.denied?.contains(IPv4Address(198, 18, 5, 9)) == true)
      #expect(gate.denied?.contains(IPv4Address(198, 18, 4, 9)) == true, "until the job ends")
    }
    let last = ScopeGate(sha256: "s")
    fleet.watch.attach(last)
    #expect(last.denied?.contains(IPv4Address(198, 18, 4, 9)) == false)
  }

  @Test func `pauses jobs with its reason while it allows nothing`() throws {
    var fleet = try Fleet()
    _ = fleet.look()
    let gate = ScopeGate(sha256: "s")
    fleet.watch.attach(gate)
    #expect(gate.pause.sentences.first?.contains("there is no licence") == true)
    try fleet.put("deny", "")
    try fleet.put("licence", Fleet.text())
    _ = fleet.look()
    #expect(gate.pause.sentences.isEmpty)
    _ = fleet.look(at: 100 * second)
    #expect(gate.pause.sentences.first?.contains("has expired") == true)
  }
}
