// The scene of these tests, and what several of them need.

import Foundation
import Kernel
import Testing
import Wire

let ourMAC: [UInt8] = [2, 0, 0, 0, 0, 1]
let theirMAC: [UInt8] = [2, 0, 0, 0, 0, 2]
/// 198.18.0.1, from which the probes leave.
let ours: UInt32 = 0xc612_0001
/// 198.18.7.8, which was probed.
let target: UInt32 = 0xc612_0708
let ourPort: UInt16 = 40_000
let targetPort: UInt16 = 443
let ourPorts: ClosedRange<UInt16> = 39_990...40_010
/// The key of SipHash's published vectors.
let referenceKey = SipHashKey(bytes: Array(0..<16))!
/// The sequence number of the probe from us to the target.
let cookie = Cookie(key: referenceKey).sequenceNumber(
  source: ours, destination: target, sourcePort: ourPort, destinationPort: targetPort)

/// Part of every message of a random test; change it to try others.
let seed: UInt64 = 20_261_122

struct Problem: Error, CustomStringConvertible { let description: String }

/// These tests never skip: where they cannot run, they fail and say why.
func requireRoot() throws {
  guard geteuid() == 0 else {
    throw Problem(description: "the datapath tests need root: they load BPF programs into this kernel")
  }
}

/// `0200…` of bytes, for messages.
func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Everything a reply says, as text that compares and reads; without the time, which differs from run to
/// run, and without the RST, which is the receiver's affair.
func account(of reply: Reply) -> String {
  let options = (0..<Int(reply.optionsLength)).map { reply.options[$0] }
  return """
    \(reply.kind) \(reply.source):\(reply.sourcePort) to \(reply.destination):\(reply.destinationPort) \
    seq \(reply.sequenceNumber) ack \(reply.acknowledgmentNumber) window \(reply.window) \
    id \(reply.identification) ttl \(reply.timeToLive) flags \(reply.flags.rawValue) \
    icmp \(reply.icmpType)/\(reply.icmpCode) by \(reply.icmpResponder) options \(hex(options))
    """
}
