// Parsing what a netlink socket receives: messages, acknowledgements, the end of a dump. Without system calls, so
// that tests can pass it transcripts and garbage.

/// One message of a reply.
public struct NetlinkReply: Hashable, Sendable {
  /// `nlmsg_type`.
  public let type: UInt16
  /// `nlmsg_flags`.
  public let flags: UInt16
  /// The bytes behind the `nlmsghdr`.
  public let payload: [UInt8]

  public init(type: UInt16, flags: UInt16, payload: [UInt8]) {
    self.type = type
    self.flags = flags
    self.payload = payload
  }
}

/// Why a request failed.
public enum NetlinkError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kernel refused it. `reason` is the message of the driver or subsystem (`NLMSGERR_ATTR_MSG`).
  case refused(Errno, reason: String?)
  /// The lengths in a reply are inconsistent.
  case malformed(String)
  /// No reply arrived within the timeout.
  case noReply(milliseconds: Int)
  /// The table changed during every attempt to read it (`NLM_F_DUMP_INTR`).
  case interrupted(tries: Int)
  /// libnl could not create or use the socket, for its reason.
  case transport(String)

  public var errno: Errno? {
    if case .refused(let errno, _) = self { errno } else { nil }
  }

  public var reason: String? {
    if case .refused(_, let reason) = self { reason } else { nil }
  }

  public var description: String {
    switch self {
    case .refused(let errno, let reason): reason.map { "\($0) (\(errno.symbol))" } ?? "\(errno)"
    case .malformed(let what): "the kernel's netlink reply is malformed: \(what)"
    case .noReply(let milliseconds): "the kernel did not reply within \(milliseconds) ms"
    case .interrupted(let tries): "the table changed during each of \(tries) attempts to read it"
    case .transport(let what): "netlink socket: \(what)"
    }
  }

  /// Returns a `Fault` with this error as its cause.
  public func fault(_ what: String, remedy: String? = nil) -> Fault {
    switch self {
    case .refused(let errno, let reason): Fault(what, cause: errno, detail: reason, remedy: remedy)
    default: Fault(what, detail: description, remedy: remedy)
    }
  }
}

/// Collects the replies to one request from the datagrams that arrive.
///
/// Ignores messages with another sequence number or port, such as a late reply to a request that timed out.
public struct NetlinkExchange: Sendable {
  /// `nlmsg_seq` of the request.
  public let sequence: UInt32
  /// `nlmsg_pid` of the request: the socket's port ID.
  public let port: UInt32
  public private(set) var replies: [NetlinkReply] = []
  /// Whether a part of the dump had `NLM_F_DUMP_INTR`, so that it may show a state that never existed.
  public private(set) var isInconsistent = false
  public private(set) var isComplete = false

  public init(sequence: UInt32, port: UInt32) {
    self.sequence = sequence
    self.port = port
  }

  /// Parses the messages of a datagram. Returns whether all replies have arrived.
  public mutating func parse(_ datagram: [UInt8]) throws(NetlinkError) -> Bool {
    var remaining = datagram[...]
    while !remaining.isEmpty, !isComplete {
      guard remaining.count >= 16, let length = remaining.native(at: 0, as: UInt32.self).map(Int.init),
        let type = remaining.native(at: 4, as: UInt16.self),
        let flags = remaining.native(at: 6, as: UInt16.self),
        let sequence = remaining.native(at: 8, as: UInt32.self),
        let port = remaining.native(at: 12, as: UInt32.self)
      else { throw .malformed("\(remaining.count) bytes are too few for a message header") }
      guard length >= 16, length <= remaining.count else {
        throw .malformed("a message claims \(length) bytes, but \(remaining.count) remain")
      }
      if sequence == self.sequence, port == self.port {
        try handle(type: type, flags: flags, payload: remaining.dropFirst(16).prefix(length - 16))
      }
      remaining = remaining.dropFirst((length + 3) & ~3)
    }
    return isComplete
  }

  private mutating func handle(type: UInt16, flags: UInt16, payload: ArraySlice<UInt8>)
    throws(NetlinkError)
  {
    if flags & NLM_F_DUMP_INTR != 0 { isInconsistent = true }
    switch type {
    case NLMSG_NOOP: break
    case NLMSG_OVERRUN: throw .malformed("data was lost (NLMSG_OVERRUN)")
    case NLMSG_ERROR:
      // struct nlmsgerr: the error, then the request's header, then (unless capped) the request.
      guard let request = payload.native(at: 4, as: UInt32.self).map(Int.init) else {
        throw .malformed("an acknowledgement has \(payload.count) bytes")
      }
      let echoed = flags & NLM_F_CAPPED != 0 ? 16 : (max(request, 16) + 3) & ~3
      try finish(flags: flags, payload: payload, explanationAt: 4 + echoed)
    case NLMSG_DONE:
      try finish(flags: flags, payload: payload, explanationAt: 4)
    default:
      replies.append(NetlinkReply(type: type, flags: flags, payload: Array(payload)))
    }
  }

  private mutating func finish(flags: UInt16, payload: ArraySlice<UInt8>, explanationAt offset: Int)
    throws(NetlinkError)
  {
    guard let code = payload.native(at: 0, as: Int32.self) else {
      throw .malformed("an NLMSG_DONE message has \(payload.count) bytes")
    }
    isComplete = true
    guard code != 0 else { return }
    guard code < 0, code > -4096 else { throw .malformed("\(code) is not an error number") }
    var reason: String?
    if flags & NLM_F_ACK_TLVS != 0, payload.count > offset {
      // Report the refusal even if its explanation is malformed.
      let explanation = try? NetlinkAttributes(payload.dropFirst(offset))
      reason = explanation?[NLMSGERR_ATTR_MSG]?.string
    }
    throw .refused(Errno(-code), reason: reason)
  }
}
