import Testing

@testable import Kernel

/// Builds datagrams from the kernel, message by message.
private struct Transcript {
  var bytes: [UInt8] = []

  /// struct nlmsghdr, then the payload, padded.
  func message(
    type: UInt16, flags: UInt16 = 0, sequence: UInt32 = 7, port: UInt32 = 42, _ payload: [UInt8]
  ) -> Transcript {
    var copy = self
    copy.bytes.append(native: UInt32(16 + payload.count))
    copy.bytes.append(native: type)
    copy.bytes.append(native: flags)
    copy.bytes.append(native: sequence)
    copy.bytes.append(native: port)
    copy.bytes += payload
    while copy.bytes.count % 4 != 0 { copy.bytes.append(0) }
    return copy
  }

  /// struct nlmsgerr: the error, the header of the request (which has 20 bytes), then `rest`.
  func error(_ code: Int32, flags: UInt16 = 0, rest: [UInt8] = []) -> Transcript {
    var payload: [UInt8] = []
    payload.append(native: code)
    payload.append(native: UInt32(20))
    payload += [UInt8](repeating: 0, count: 12) + rest
    return message(type: NLMSG_ERROR, flags: flags, payload)
  }
}

/// NLMSGERR_ATTR_MSG "too many".
private let explanation: [UInt8] = [13, 0, 1, 0] + Array("too many".utf8) + [0, 0, 0, 0]

@Suite(.timeLimit(.minutes(5))) struct `A netlink exchange` {
  @Test func `is complete with the acknowledgement`() throws {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    #expect(try !exchange.parse(Transcript().message(type: 20, [1, 2, 3, 4]).bytes))
    #expect(try exchange.parse(Transcript().error(0, flags: NLM_F_CAPPED).bytes))
    #expect(exchange.replies == [NetlinkReply(type: 20, flags: 0, payload: [1, 2, 3, 4])])
  }

  @Test func `may be a dump in several datagrams`() throws {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    let part = Transcript().message(type: 16, flags: 2, [1]).message(type: 16, flags: 2, [2])
    #expect(try !exchange.parse(part.bytes))
    #expect(try exchange.parse(Transcript().message(type: NLMSG_DONE, flags: 2, [0, 0, 0, 0]).bytes))
    #expect(exchange.replies.map(\.payload) == [[1], [2]])
    #expect(!exchange.isInconsistent)
  }

  @Test func `is marked as inconsistent if the table changed`() throws {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    let part = Transcript().message(type: 16, flags: 2 | NLM_F_DUMP_INTR, [1])
    _ = try exchange.parse(part.message(type: NLMSG_DONE, flags: 2, [0, 0, 0, 0]).bytes)
    #expect(exchange.isInconsistent)
  }

  @Test func `ignores replies to other requests and sockets`() throws {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    let others = Transcript().message(type: 16, sequence: 6, [1]).message(type: 16, port: 41, [2])
    #expect(try !exchange.parse(others.bytes))
    #expect(exchange.replies.isEmpty)
  }

  @Test func `reports the driver's reason for a refusal`() {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    let refusal = Transcript().error(-22, flags: NLM_F_CAPPED | NLM_F_ACK_TLVS, rest: explanation)
    #expect(throws: NetlinkError.refused(.invalidArgument, reason: "too many")) {
      try exchange.parse(refusal.bytes)
    }
  }

  @Test func `finds the reason behind the repeated request`() {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    let refusal = Transcript().error(-22, flags: NLM_F_ACK_TLVS, rest: [9, 9, 9, 9] + explanation)
    #expect(throws: NetlinkError.refused(.invalidArgument, reason: "too many")) {
      try exchange.parse(refusal.bytes)
    }
  }

  @Test func `reports a refusal whose reason is malformed`() {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    let refusal = Transcript().error(-95, flags: NLM_F_CAPPED | NLM_F_ACK_TLVS, rest: [0, 0, 1, 0])
    #expect(throws: NetlinkError.refused(.notSupported, reason: nil)) {
      try exchange.parse(refusal.bytes)
    }
  }

  @Test func `reports an error at the end of a dump`() {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    var code: [UInt8] = []
    code.append(native: Int32(-1))
    let end = Transcript().message(type: NLMSG_DONE, flags: 2, code).bytes
    #expect(throws: NetlinkError.refused(.notPermitted, reason: nil)) { try exchange.parse(end) }
  }

  @Test(
    arguments: [
      ("half a header", [20, 0, 0, 0, 16, 0]),
      (
        "a length below the header's",
        [15, 0, 0, 0, 16, 0, 0, 0, 7, 0, 0, 0, 42, 0, 0, 0]
      ),
      (
        "a length past the end",
        [24, 0, 0, 0, 16, 0, 0, 0, 7, 0, 0, 0, 42, 0, 0, 0]
      ),
      (
        "an acknowledgement without a request",
        [20, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0]
      ),
      (
        "an end without a code",
        [16, 0, 0, 0, 3, 0, 2, 0, 7, 0, 0, 0, 42, 0, 0, 0]
      ),
    ] as [(String, [UInt8])])
  func `rejects`(what: String, bytes: [UInt8]) {
    var exchange = NetlinkExchange(sequence: 7, port: 42)
    #expect(throws: NetlinkError.self, "\(what)") { try exchange.parse(bytes) }
  }

  @Test func `rejects an impossible error number`() {
    for code in [Int32.min, 1, -5000] {
      var exchange = NetlinkExchange(sequence: 7, port: 42)
      #expect(throws: NetlinkError.self) { try exchange.parse(Transcript().error(code).bytes) }
    }
  }
}
