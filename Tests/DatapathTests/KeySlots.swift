// Several jobs whose replies are valid at the same time.

import Kernel
import Testing
import Wire

let secondKey = SipHashKey(k0: 0x2222_2222_2222_2222, k1: 2)
let thirdKey = SipHashKey(k0: 0x3333_3333_3333_3333, k1: 3)

/// 64 slots over the 21 ports of these tests, so that four slots share each of the 16 hints. The port of most packets
/// of the table has hint 10; the first and the last port, which it probes too, have hints 0 and 4.
let severalJobs = ReceiveProgramSettings(
  keys: [
    0: secondKey, 4: referenceKey, 10: secondKey, 16: referenceKey, 26: referenceKey, 42: thirdKey,
    43: secondKey,
  ], slots: 64)

extension ReceiveProgramSettings: CustomTestStringConvertible {
  var testDescription: String { "\(slots) slots, \(keys.count) keys, ports \(ports)" }

  /// Whether a packet to one of the ports that the table and `repliesToUs` use proves the slot.
  func isProvable(_ slot: Int) -> Bool {
    let slots = KeySlots(self.slots, ports: ports)
    return probedPorts.contains { slots.slots(for: $0).contains(slot) }
  }
}

/// The ports to which the table has valid replies.
private let probedPorts: [UInt16] = [39_990, ourPort, 40_010]

/// A SYN-ACK, an RST and an ICMP error in reply to the probe from one of our ports under a key.
func repliesToUs(_ key: SipHashKey, ourPort port: UInt16) -> [[UInt8]] {
  let sequence = Cookie(key: key).sequenceNumber(
    source: ours, destination: target, sourcePort: port, destinationPort: targetPort)
  return [
    tcpFrame(tcp(0x12, to: port, acknowledgment: sequence &+ 1)),
    tcpFrame(tcp(0x14, to: port, acknowledgment: sequence)),
    ethernet(
      ipv4(
        icmp(
          3, 1,
          quoting: quotedProbe(
            bytes: 8, port: port, sequence: sequence,
            identification: identification(of: key, ourPort: port))), protocol: 1)),
  ]
}

func repliesToUs(_ key: SipHashKey) -> [[UInt8]] {
  probedPorts.flatMap { repliesToUs(key, ourPort: $0) }
}

/// What the receive program and its twin make of a frame.
struct Finding: Equatable, CustomStringConvertible {
  let fate: Fate?
  let slot: UInt8?
  var description: String {
    "\(fate.map { "\($0)" } ?? "several fates") in slot \(slot.map(String.init) ?? "none")"
  }
}

/// A loaded receive program and its twin, which get the same keys and must find the same.
final class Twins {
  let program: ReceiveProgram
  private(set) var classifier: ReplyClassifier

  init(_ settings: ReceiveProgramSettings) throws {
    program = try ReceiveProgram(settings)
    classifier = settings.classifier
  }

  func setKey(_ key: SipHashKey?, slot: Int) {
    program.setKey(key, slot: slot)
    classifier.setKey(key, slot: slot)
  }

  /// Returns what both find, for frames whose fate makes a reply if they are valid.
  func find(_ frame: [UInt8]) throws -> Finding {
    let outcome = try program.run(frame)
    let fates = Fate.allCases.filter { outcome.fates[$0] > 0 }
    let slots = outcome.replies.map(\.slot)
    let found = Finding(fate: fates.count == 1 ? fates[0] : nil, slot: slots.first)
    let (fate, slot, reply) = classifier.classify(frame.span, time: 1)
    #expect(Finding(fate: fate, slot: slot) == found)
    #expect(slots == [reply?.slot].compactMap(\.self))
    return found
  }
}
