// The addresses, ports and key of these tests, and helpers.

import Foundation
import Kernel
import Testing
import Wire

let ourMAC: [UInt8] = [2, 0, 0, 0, 0, 1]
let theirMAC: [UInt8] = [2, 0, 0, 0, 0, 2]
/// 198.18.0.1, the source of the probes.
let ours: UInt32 = 0xc612_0001
/// 198.18.7.8, the probed address.
let target: UInt32 = 0xc612_0708
let ourPort: UInt16 = 40_000
let targetPort: UInt16 = 443
let ourPorts: ClosedRange<UInt16> = 39_990...40_010
/// The key of SipHash's published vectors.
let referenceKey = SipHashKey(bytes: Array(0..<16))!
/// The sequence number of the probe from us to the target.
let cookie = Cookie(key: referenceKey).sequenceNumber(
  source: ours, destination: target, sourcePort: ourPort, destinationPort: targetPort)

/// The IPv4 identification of that probe.
let probeIdentification = identification(of: referenceKey, ourPort: ourPort)

/// The IPv4 identification of the probe from one of our ports to the target.
func identification(of key: SipHashKey, ourPort port: UInt16) -> UInt16 {
  let hash = Cookie(key: key).hash(
    source: ours, destination: target, sourcePort: port, destinationPort: targetPort)
  return UInt16(truncatingIfNeeded: hash >> 32)
}

struct Problem: Error, CustomStringConvertible { let description: String }

/// Fails the test without root. Tests are never skipped.
func requireRoot() throws {
  guard geteuid() == 0 else {
    throw Problem(description: "the datapath tests need root: they load BPF programs into this kernel")
  }
}

/// `0200…` of bytes, for messages.
func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The fields of a reply as text, to compare and to print. Without the time, which differs between runs, and without
/// `needsRST`, which depends on the receiver.
func account(of reply: Reply) -> String {
  let options = (0..<Int(reply.optionsLength)).map { reply.options[$0] }
  return """
    \(reply.kind) \(reply.source):\(reply.sourcePort) to \(reply.destination):\(reply.destinationPort) \
    seq \(reply.sequenceNumber) ack \(reply.acknowledgmentNumber) window \(reply.window) \
    id \(reply.identification) ttl \(reply.timeToLive) flags \(reply.flags.rawValue) \
    icmp \(reply.icmpType)/\(reply.icmpCode) by \(reply.icmpResponder) options \(hex(options)) \
    slot \(reply.slot)
    """
}
