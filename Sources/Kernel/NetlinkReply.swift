// What comes back on a netlink socket: messages, acknowledgements, the end of a dump. Pure, so that
// transcripts and garbage can be fed to it without a kernel.

/// One message of a reply.
public struct NetlinkReply: Hashable, Sendable {
  /// `nlmsg_type`.
  public let type: UInt16
  /// `nlmsg_flags`.
  public let flags: UInt16
  /// What follows the `nlmsghdr`.
  public let payload: [UInt8]

  public init(type: UInt16, flags: UInt16, payload: [UInt8]) {
    self.type = type
    self.flags = flags
    self.payload = payload
  }
}

/// Why a request had no good answer.
public enum NetlinkError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kernel said no; `reason` is the driver's or subsystem's own sentence (`NLMSGERR_ATTR_MSG`).
  case refused(Errno, reason: String?)
  /// A reply contradicts its own lengths.
  case malformed(String)
  /// Nothing came within this many milliseconds.
  case noReply(milliseconds: Int)
  /// The table changed during every try to read it (`NLM_F_DUMP_INTR`).
  case interrupted(tries: Int)
  /// libnl could not make or use the socket; its words.
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
    case .noReply(let milliseconds): "the kernel did not answer within \(milliseconds) ms"
    case .interrupted(let tries): "the table changed during each of \(tries) tries to read it"
    case .transport(let what): "netlink socket: \(what)"
    }
  }

  /// As the operator's sentence.
  public func fault(_ what: String, remedy: String? = nil) -> Fault {
    switch self {
    case .refused(let errno, let reason): Fault(what, cause: errno, detail: reason, remedy: remedy)
    default: Fault(what, detail: description, remedy: remedy)
    }
  }
}

/// Collects the answer to one request out of the datagrams that arrive.
///
/// Messages with another sequence number or port are not ours (for example the late answer to a request
/// that was given up) and are passed over.
public struct NetlinkExchange: Sendable {
  /// `nlmsg_seq` of the request.
  public let sequence: UInt32
  /// `nlmsg_pid` of the request: the socket's port id.
  public let port: UInt32
  public private(set) var replies: [NetlinkReply] = []
  /// A part of the dump was marked `NLM_F_DUMP_INTR`: it may show a state that never was.
  public private(set) var isInconsistent = false
  public private(set) var isComplete = false

  public init(sequence: UInt32, port: UInt32) {
    self.sequence = sequence
    self.port = port
  }

  /// Takes the messages of one datagram; whether the answer is complete.
  public mutating func take(_ datagram: [UInt8]) throws(NetlinkError) -> Bool {
    var rest = datagram[...]
    while !rest.isEmpty, !isComplete {
      guard rest.count >= 16, let length = rest.native(at: 0, as: UInt32.self).map(Int.init),
        let type = rest.native(at: 4, as: UInt16.self), let flags = rest.native(at: 6, as: UInt16.self),
        let sequence = rest.native(at: 8, as: UInt32.self),
        let port = rest.native(at: 12, as: UInt32.self)
      else { throw .malformed("\(rest.count) bytes where a message header begins") }
      guard length >= 16, length <= rest.count else {
        throw .malformed("a message claims \(length) bytes, \(rest.count) are left")
      }
      if sequence == self.sequence, port == self.port {
        try take(type: type, flags: flags, payload: rest.dropFirst(16).prefix(length - 16))
      }
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return isComplete
  }

  private mutating func take(type: UInt16, flags: UInt16, payload: ArraySlice<UInt8>)
    throws(NetlinkError)
  {
    if flags & NLM_F_DUMP_INTR != 0 { isInconsistent = true }
    switch type {
    case NLMSG_NOOP: break
    case NLMSG_OVERRUN: throw .malformed("data was lost (NLMSG_OVERRUN)")
    case NLMSG_ERROR:
      // struct nlmsgerr: the error, then the request's header, then (unless capped) the request.
      guard let request = payload.native(at: 4, as: UInt32.self).map(Int.init) else {
        throw .malformed("an acknowledgement of \(payload.count) bytes")
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
      throw .malformed("an end of \(payload.count) bytes")
    }
    isComplete = true
    guard code != 0 else { return }
    guard code < 0, code > -4096 else { throw .malformed("\(code) where an error number belongs") }
    var reason: String?
    if flags & NLM_F_ACK_TLVS != 0, payload.count > offset {
      // The refusal counts more than a garbled explanation of it.
      let explanation = try? NetlinkAttributes(payload.dropFirst(offset))
      reason = explanation?[NLMSGERR_ATTR_MSG]?.string
    }
    throw .refused(Errno(-code), reason: reason)
  }
}
