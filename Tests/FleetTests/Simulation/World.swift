// A fleet on virtual time: whatever may happen to processes and messages happens by a seed.
import Plan
import Support
import TestSupport
import Wire

@testable import Fleet

let second: UInt64 = 1_000_000_000
let millisecond: UInt64 = 1_000_000

/// Signatures that hold in the simulation alone: a hash of key and message.
struct ToyCrypto: FleetCrypto {
  var boxKey: [UInt8] = []

  static let fleetKey = [UInt8](repeating: 7, count: 32)
  static let operatorKey = [UInt8](repeating: 9, count: 32)
  static func key(_ name: BoxName) -> [UInt8] { Digest(of: Array(name.description.utf8)).bytes }

  static func signature(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in key + message { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return (0..<8).flatMap { part in
      (0..<8).map { UInt8(truncatingIfNeeded: (sum &+ part) >> UInt64(8 * $0)) }
    }
  }

  func sha512(_ bytes: [UInt8]) -> [UInt8] { sha256(bytes) + sha256([1] + bytes) }
  func isValid(ed25519 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
    signature == Self.signature(message, key)
  }
  func isValid(p256 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool { false }
  func sign(_ message: [UInt8], with key: SigningKey) -> [UInt8]? {
    Self.signature(message, key == .fleet ? Self.fleetKey : boxKey)
  }

  static var operatorPublicKey: SSHPublicKey {
    // A blob of the right form cannot be refused.
    try! SSHPublicKey(
      blob: SSHReader.string(Array("ssh-ed25519".utf8)) + SSHReader.string(operatorKey))
  }

  /// What `ssh-keygen -Y sign` writes.
  static func operatorSigned(_ body: JSONValue, _ namespace: SignedObject.Namespace) -> [UInt8] {
    let magic = Array("SSHSIG".utf8)
    func text(_ text: String) -> [UInt8] { SSHReader.string(Array(text.utf8)) }
    let hashed = ToyCrypto().sha512(body.canonical)
    let signed = magic + text(namespace.rawValue) + text("") + text("sha512") + SSHReader.string(hashed)
    let raw = text("ssh-ed25519") + SSHReader.string(signature(signed, operatorKey))
    let blob =
      magic + [0, 0, 0, 1] + SSHReader.string(operatorPublicKey.blob) + text(namespace.rawValue)
      + text("") + text("sha512") + SSHReader.string(raw)
    let armored =
      "-----BEGIN SSH SIGNATURE-----\n\(Base64.encode(blob))\n-----END SSH SIGNATURE-----\n"
    return SignedObject(body: body, signature: armored).bytes
  }
}

/// What goes wrong, and how often.
struct Faults {
  /// Of messages, in percent: lost, sent twice, seconds late.
  var lost = 0
  var doubled = 0
  var late = 0
  /// Mean seconds between two faults of a kind; 0 for none.
  var agentKill = 0
  var agentStop = 0
  var scannerKill = 0
  var reboot = 0
  var cut = 0
  var collectorKill = 0
  var clone = 0
  /// Of effects, in thousandths, after which the process dies in the middle of what it does.
  var deathsInEffects = 0

  static let none = Faults()
  static let all = Faults(
    lost: 3, doubled: 3, late: 3, agentKill: 20, agentStop: 40, scannerKill: 30, reboot: 60, cut: 25,
    collectorKill: 20, clone: 90, deathsInEffects: 2)
}

/// Time, messages, and what must hold at any time.
final class World {
  private struct Entry {
    let time: UInt64
    let number: UInt64
    let body: () -> Void
  }

  private(set) var now: UInt64 = 100 * second
  var random: SeededGenerator
  var faults: Faults
  /// Whether faults still happen: the end has to be calm.
  var isCalm = false
  private var heap: [Entry] = []
  private var count: UInt64 = 0
  private(set) var events = 0

  var collector: SimulatedCollector!
  var boxes: [SimulatedBox] = []
  var plans: [Digest: FleetPlan] = [:]
  /// Requirements that did not hold.
  var violations: [String] = []
  var tally: [String: Int] = [:]
  /// When each deny list was put in force, and what it denies.
  var denyLists: [(time: UInt64, sequence: UInt64, denied: AddressSet)] = []
  var probes = 0
  var mostLicensed: UInt64 = 0

  init(seed: UInt64, faults: Faults) {
    random = SeededGenerator(seed)
    self.faults = faults
  }

  func violate(_ what: String) {
    if violations.count < 20 { violations.append("\(now / millisecond) ms: \(what)") }
  }

  func happened(_ what: String) { tally[what, default: 0] += 1 }

  // MARK: Time

  func at(_ time: UInt64, _ body: @escaping () -> Void) {
    count += 1
    heap.append(Entry(time: max(time, now), number: count, body: body))
    var child = heap.count - 1
    while child > 0, isBefore(child, (child - 1) / 2) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  func after(_ delay: UInt64, _ body: @escaping () -> Void) { at(now + delay, body) }

  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    (heap[a].time, heap[a].number) < (heap[b].time, heap[b].number)
  }

  /// Runs until `end`, or until `isDone`.
  func run(until end: UInt64, isDone: () -> Bool = { false }) {
    while let first = heap.first, first.time <= end, !isDone() {
      pop()
      now = first.time
      events += 1
      first.body()
    }
  }

  private func pop() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isBefore(child, least) {
        least = child
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  func chance(percent: Int) -> Bool { !isCalm && Int.random(in: 0..<100, using: &random) < percent }
  func pick(_ range: ClosedRange<UInt64>) -> UInt64 { UInt64.random(in: range, using: &random) }

  /// Runs `fault` again and again, at random times.
  func schedule(mean seconds: Int, _ fault: @escaping () -> Void) {
    guard seconds > 0 else { return }
    after(pick(1...UInt64(2 * seconds)) * second + pick(0...999) * millisecond) { [self] in
      if !isCalm { fault() }
      schedule(mean: seconds, fault)
    }
  }

  // MARK: Messages

  /// Sends a request of a box's process to the collector. `answer` is called once, with nil if nothing came in time.
  func request(
    from box: SimulatedBox, _ event: @escaping (UInt64) -> CollectorMachine.Event,
    _ answer: @escaping ([UInt8]?) -> Void
  ) {
    var isAnswered = false
    func end(_ bytes: [UInt8]?) {
      guard !isAnswered else { return }
      isAnswered = true
      answer(bytes)
    }
    after(3 * second) { end(nil) }
    for _ in 0..<(chance(percent: faults.doubled) ? 2 : 1) where !box.isCut {
      deliver { [self] in
        collector.receive(event) { [self] bytes in
          deliver { if !box.isCut { end(bytes) } }
        }
      }
    }
  }

  private func deliver(_ body: @escaping () -> Void) {
    if chance(percent: faults.lost) { return }
    after(pick(1...60) * millisecond + (chance(percent: faults.late) ? pick(1...9) * second : 0), body)
  }

  // MARK: Requirements

  /// The sum of the rates of all licences that are valid now is within the budget.
  func checkRates() {
    let sum = boxes.reduce(0) { $0 + $1.licensedRate }
    mostLicensed = max(mostLicensed, sum)
    let budget = collector.highestBudget
    if sum > budget { violate("licences for \(sum) probes/s, of \(budget)") }
  }

  /// A probe to an address that a list has denied for longer than a licence lasts.
  func checkProbe(_ address: IPv4Address, _ box: SimulatedBox) {
    probes += 1
    for list in denyLists
    where now > list.time + collector.ttl + 300 * millisecond && list.denied.contains(address) {
      violate("\(box.name) probes \(address), denied since \(list.time / millisecond) ms")
    }
  }

  /// The simulated network: one pair in four answers.
  static func isOpen(_ target: Target) -> Bool {
    var hash = UInt64(target.address.value) << 16 | UInt64(target.port.value)
    hash = (hash ^ hash >> 31) &* 0xbf58_476d_1ce4_e5b9
    return (hash ^ hash >> 29) & 3 == 0
  }
}
