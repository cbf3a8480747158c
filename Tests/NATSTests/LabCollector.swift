// A real collector, and what somebody can do who has a box's disk in the hand.
import Fleet
import FleetHost
import Foundation
import LabSupport
import NATSWire
import NIOCore
import Plan

/// `synboxctl fleet collect` for a fleet whose broker runs.
final class LabCollector {
  private let fleet: LabFleet
  private let process: Running
  private static let program = "\(Lab.root)/build/synboxctl"

  init(_ fleet: LabFleet) throws {
    self.fleet = fleet
    let page = "\(LabServer.address()):8445"
    process = try Running(
      [Self.program, "fleet", "collect", "--identity", fleet.path("collector")]
        + ["--data", fleet.path("data"), "--listen", page, "--licence", "4", "--lease", "8"])
    try process.wait(for: "the broker") { $0.errorText.contains("msg=connected") }
  }

  deinit {
    process.signal(SIGKILL)
    _ = try? process.wait(seconds: 5)
  }

  var log: String { process.errorText }

  /// As an operator.
  @discardableResult func control(_ arguments: String...) throws -> String {
    try mustRun(
      [Self.program, "fleet"] + arguments + ["--identity", fleet.path("operator")], seconds: 60
    ).output
  }

  func file(_ name: String, _ text: String) throws -> String {
    let path = fleet.path(name)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  func results(_ scan: String) throws -> String {
    let path = fleet.path("data/results/\(scan.prefix(16))/results.csv")
    let deadline = Date(timeIntervalSinceNow: 20 * patience)
    while !FileManager.default.fileExists(atPath: path) {
      guard Date() < deadline else { throw LabError("no \(path): \(log)") }
      Thread.sleep(forTimeInterval: 0.05)
    }
    return try String(contentsOfFile: path, encoding: .utf8)
  }
}

/// Has a box's keys, and says what it likes with them.
final class Thief {
  let name: BoxName
  private let keys: FleetKeys
  private let probe: Probe
  private var helloCount = 0
  private(set) var lastLicence: Licence?

  init(_ fleet: LabFleet, _ box: String) throws {
    let bundle = try FleetBundle(fleet.path("boxes/\(box)"))
    name = try bundle.boxName()
    keys = try FleetKeys(seed: try bundle.boxSeed())
    probe = try fleet.probe("boxes/\(box)")
    try probe.waitUntilConnected()
  }

  /// Returns the bytes of the answer.
  func ask(_ subject: String, _ bytes: [UInt8]) throws -> [UInt8] {
    try probe.start(subject, bytes).wait().body
  }

  /// Says hello; throws the collector's refusal.
  func hello(
    wants: Int = 2, offers: [Offer] = [], change: (inout Hello) -> Void = { _ in },
    with crypto: FleetKeys? = nil
  ) throws -> Licence {
    helloCount += 1
    var hello = Hello(
      box: name, instance: "0123456789ab", nonce: "n\(helloCount)",
      key: (keys.publicKey(of: .box) ?? []).map { String(format: "%02x", $0) }.joined(),
      denySequence: 1, wants: wants, finished: offers)
    change(&hello)
    guard let signed = SignedObject.sign(hello.body, .hello, with: .box, crypto ?? keys) else {
      throw LabError("the key cannot sign")
    }
    let answer = try ask("q.hello.\(name)", signed.bytes)
    guard let object = try? SignedObject(parsing: answer, "licence") else {
      throw LabError(String(decoding: answer, as: UTF8.self))
    }
    let licence = try Licence(body: object.body)
    lastLicence = licence
    return licence
  }

  /// Says hello until the answer has what is waited for.
  func hello(
    until what: String, wants: Int = 2, offers: [Offer] = [], _ condition: (Licence) -> Bool
  ) throws -> Licence {
    let deadline = Date(timeIntervalSinceNow: 20 * patience)
    while true {
      let licence = try hello(wants: wants, offers: offers)
      if condition(licence) { return licence }
      guard Date() < deadline else { throw LabError("no \(what): \(licence)") }
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  /// Why the collector refuses a hello; nil if it does not.
  func refusal(of change: (inout Hello) -> Void = { _ in }, with crypto: FleetKeys? = nil) -> String? {
    do {
      _ = try hello(change: change, with: crypto)
      return nil
    } catch { return "\(error)" }
  }

  func blob(_ digest: Digest) throws -> [UInt8] {
    try ask("q.blob.\(name).\(digest)", Array("{\"offset\":0}".utf8))
  }

  func chunk(_ digest: Digest, _ bytes: [UInt8]) throws -> String {
    String(decoding: try ask("q.chunk.\(name).\(digest)", bytes), as: UTF8.self)
  }

  /// Sends results with a manifest of its own making. Returns the answer to the manifest, and what the box then offers.
  func send(
    _ rows: [String], of shard: ShardID, _ plan: FleetPlan,
    change: (inout Manifest) -> Void = { _ in }, with crypto: FleetKeys? = nil
  ) throws -> (answer: String, offer: Offer) {
    let bytes = Array("saddr,sport\n\(rows.map { "\($0)\n" }.joined())".utf8)
    var cutter = ResultCutter()
    try cutter.add(bytes)
    var manifest = Manifest(
      shard: shard, box: name, instance: "0123456789ab", planDigest: plan.description.planDigest,
      targets: plan.description.size(of: shard.number), targetsDenied: 0, denySequence: 1,
      facts: try cutter.finish(), summary: [:])
    change(&manifest)
    guard let signed = SignedObject.sign(manifest.body, .manifest, with: .box, crypto ?? keys) else {
      throw LabError("the key cannot sign")
    }
    let answer = try chunk(Digest(of: bytes), bytes)
    guard answer == "ok" else { throw LabError(answer) }
    let digest = Digest(of: signed.bytes)
    return (try chunk(digest, signed.bytes), Offer(shard, manifest: digest))
  }

  /// What becomes of results that the collector has.
  func verdict(on offer: Offer) throws -> Verdict {
    let licence = try hello(until: "verdict", wants: 0, offers: [offer]) { !$0.receipts.isEmpty }
    return licence.receipts[0].verdict
  }
}
