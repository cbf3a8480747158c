// What a DHCP client reads: frames from the network, its lease, and what PID 1 reads of it.
import Init
import NIC
import Wire

extension FuzzTarget {
  /// A frame with UDP and without a UDP checksum, from its IPv4 header on, because a fuzzer finds no IPv4 checksum. A reply
  /// is nothing, or becomes a lease that a host can use, or none; the client takes any reply in any state.
  static let dhcpReply = FuzzTarget("dhcp-reply", maximumLength: 1500) { bytes in
    let header = IPv4Header(
      totalLength: UInt16(IPv4Header.length + 8 + bytes.count), timeToLive: 64,
      protocolNumber: IPProtocol(rawValue: 17), source: IPv4Address(192, 0, 2, 1),
      destination: IPv4Address(192, 0, 2, 77))
    var frame: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x99, 8, 0] + header.bytes + [0, 67, 0, 68]
    frame.append(bigEndian: UInt16(8 + bytes.count))
    frame += [0, 0] + bytes
    _ = DHCPReply(frame: bytes)
    guard let reply = DHCPReply(frame: frame) else { return }
    try require(reply.nameServers.count <= NetworkConfiguration.mostNameServers, "\(reply)")
    if let lease = DHCPLease(reply) {
      try requireUsable(lease.configuration)
      try require(lease.renewal <= lease.rebinding, "\(lease)")
      try require(lease.duration.map { lease.rebinding <= $0 } ?? true, "\(lease)")
      let read = DHCPLease.parse(lease.bytes(since: 5))
      try require(read?.lease == lease && read?.since == 5, "\(lease) is another one when read")
    }
    try requireSteady(reply)
  }

  /// A report is nothing, or one that a host can use and that has these bytes. A lease likewise.
  static let networkReport = FuzzTarget("network-report", maximumLength: 128) { bytes in
    if let report = NetworkReport(bytes) {
      try require(report.bytes == bytes, "\(report) from other bytes")
      if case .configured(let configuration) = report { try requireUsable(configuration) }
    }
    if let (lease, since) = DHCPLease.parse(bytes) {
      try require(lease.bytes(since: since) == bytes, "\(lease) from other bytes")
      try requireUsable(lease.configuration)
    }
  }
}

private func requireUsable(_ configuration: NetworkConfiguration) throws(FuzzFailure) {
  let first = configuration.address.address.value >> 24
  try require(
    first != 0 && first != 127 && first < 224 && configuration.address.prefixLength > 0,
    "\(configuration)")
  if let gateway = configuration.gateway {
    try require(
      configuration.address.contains(gateway) && gateway != configuration.address.address,
      "\(configuration)")
  }
  try requirePrintable(configuration.description)
}

/// The client takes the reply, as if it were meant for it, in every state that two replies can lead to.
private func requireSteady(_ reply: DHCPReply) throws(FuzzFailure) {
  var random = Counting()
  var client = DHCPClient(hardware: reply.hardware, hostName: "box")
  var effects = client.handle(.start(nil, since: 0), at: 0, &random)
  var now: UInt64 = 0
  for _ in 0..<6 {
    var answer = reply
    for case .send(let request, _) in effects { answer.transaction = request.transaction }
    effects = client.handle(.reply(answer), at: now, &random)
    if effects.isEmpty, client.wake != DHCPClient.never {
      now = max(now, client.wake)
      effects = client.handle(.tick, at: now, &random)
    }
    try require(client.wake >= now, "a tick is overdue after \(answer)")
  }
}

private struct Counting: RandomNumberGenerator {
  private var number: UInt64 = 0
  mutating func next() -> UInt64 {
    number &+= 0x9e37_79b9_7f4a_7c15
    return number
  }
}
