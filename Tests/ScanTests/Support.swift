// Helpers of several tests.

import Foundation
import Scan
import TestSupport
import Testing
import Wire

let seed = Seed.next("ScanTests")

let key = SipHashKey(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)

func reply(
  _ kind: Reply.Kind = .open, from source: IPv4Address = IPv4Address(198, 18, 0, 9),
  port: UInt16 = 443
) -> Reply {
  Reply(
    kind: kind, time: 0, source: source, sourcePort: Port(port),
    destination: IPv4Address(198, 19, 0, 1), destinationPort: Port(40_000), identification: 0x1234,
    timeToLive: 57)
}

/// Decodes a JSON object with Foundation.
func object(_ bytes: [UInt8]) throws -> [String: Any] {
  let parsed = try JSONSerialization.jsonObject(with: Data(bytes))
  return try #require(parsed as? [String: Any])
}
