// A netlink socket. libnl-3 chooses the port ID, numbers and sends requests and sizes the receive buffer;
// NetlinkReply.swift parses what arrives.
import CLinux
import CNetlink

/// A connection to a netlink family, in the network namespace of the thread that created it. Requests that only read
/// need no capability.
@safe
public struct NetlinkSocket: ~Copyable {
  public enum Family: Sendable { case route, generic, netfilter }

  private let socket: OpaquePointer
  private let timeout: Int

  /// Opens a socket.
  ///
  /// - Parameter timeout: the most milliseconds that a request may take.
  public init(_ family: Family, timeout milliseconds: Int = 5_000) throws(NetlinkError) {
    guard let socket = unsafe nl_socket_alloc() else { throw .transport("no memory") }
    let number =
      switch family {
      case .route: NETLINK_ROUTE
      case .generic: NETLINK_GENERIC
      case .netfilter: NETLINK_NETFILTER
      }
    let status = unsafe nl_connect(socket, number)
    guard status >= 0 else {
      unsafe nl_socket_free(socket)
      throw .transport(Self.message(status))
    }
    unsafe self.socket = unsafe socket
    timeout = milliseconds
    _ = unsafe nl_socket_set_nonblocking(socket)
    // Extended acknowledgements carry the driver's reason (Linux 4.12), capped ones omit the request (4.3). Errors
    // are ignored, because older kernels work without.
    let descriptor = unsafe nl_socket_get_fd(socket)
    var on: Int32 = 1
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
      _ = unsafe setsockopt(descriptor, SOL_NETLINK, option, &on, UInt32(MemoryLayout<Int32>.size))
    }
  }

  deinit { unsafe nl_socket_free(socket) }

  /// The descriptor's number, to borrow.
  public var number: Int32 { unsafe nl_socket_get_fd(socket) }

  /// The port ID, which is unique in the family and the network namespace.
  public var port: UInt32 { unsafe nl_socket_get_local_port(socket) }

  /// Sends `message` and returns all replies except the acknowledgement. Waits at most for the timeout.
  ///
  /// With the flag `NLM_F_DUMP` the replies are a whole table. If that changes while it is read, it is read again.
  public func request(_ message: NetlinkMessage) throws(NetlinkError) -> [NetlinkReply] {
    let tries = 8
    for _ in 0..<tries {
      let exchange = try perform(message)
      if !exchange.isInconsistent { return exchange.replies }
    }
    throw .interrupted(tries: tries)
  }

  private func perform(_ message: NetlinkMessage) throws(NetlinkError) -> NetlinkExchange {
    var exchange = NetlinkExchange(
      sequence: try send(message), port: port)
    let deadline = Int(Clock.monotonic / 1_000_000) + timeout
    while true {
      guard let datagram = try receive(until: deadline) else {
        throw .noReply(milliseconds: timeout)
      }
      if try exchange.parse(datagram) { return exchange }
    }
  }

  /// Sends a request. Returns the sequence number that libnl gave it.
  private func send(_ message: NetlinkMessage) throws(NetlinkError) -> UInt32 {
    let flags = message.flags | NLM_F_REQUEST | NLM_F_ACK
    guard let raw = unsafe nlmsg_alloc_size(message.payload.count + 64) else {
      throw .transport("no memory")
    }
    defer { unsafe nlmsg_free(raw) }
    guard let header = unsafe nlmsg_put(raw, 0, 0, Int32(message.type), 0, Int32(flags)) else {
      throw .transport("no memory")
    }
    var payload = message.payload
    let size = payload.count
    var status = unsafe payload.withUnsafeMutableBytes {
      unsafe nlmsg_append(raw, $0.baseAddress, size, 0)
    }
    guard status >= 0 else { throw .transport(Self.message(status)) }
    status = unsafe nl_send_auto(socket, raw)
    guard status >= 0 else { throw .transport(Self.message(status)) }
    return unsafe header.pointee.nlmsg_seq
  }

  /// Has nfnetlink carry out all of `messages` or none.
  public func transaction(_ messages: [NetlinkMessage], subsystem: UInt16) throws(NetlinkError) {
    func bracket(_ type: UInt16) -> NetlinkMessage {
      var header: [UInt8] = [0, 0]
      header.append(native: subsystem.bigEndian)
      return NetlinkMessage(type: type, header: header)
    }
    // The kernel acknowledges each message, but the first only if it refuses everything.
    var bytes: [UInt8] = []
    var exchanges: [NetlinkExchange] = []
    let all = [bracket(NFNL_MSG_BATCH_BEGIN)] + messages + [bracket(NFNL_MSG_BATCH_END)]
    for (index, message) in all.enumerated() {
      let sequence = unsafe nl_socket_use_seq(socket)
      let isBracket = index == 0 || index == all.count - 1
      bytes += message.encoded(
        flags: NLM_F_REQUEST | (isBracket ? 0 : NLM_F_ACK), sequence: sequence, port: port)
      exchanges.append(NetlinkExchange(sequence: sequence, port: port))
    }
    let size = bytes.count
    let status = unsafe bytes.withUnsafeMutableBytes { unsafe nl_sendto(socket, $0.baseAddress, size) }
    guard status >= 0 else { throw .transport(Self.message(status)) }
    let deadline = Int(Clock.monotonic / 1_000_000) + timeout
    while !exchanges.dropFirst().dropLast().allSatisfy(\.isComplete) {
      guard let datagram = try receive(until: deadline) else {
        throw .noReply(milliseconds: timeout)
      }
      for index in exchanges.indices where !exchanges[index].isComplete {
        _ = try exchanges[index].parse(datagram)
      }
    }
  }

  /// Returns the next datagram from the kernel (port 0); nil if `deadline` comes first.
  private func receive(until deadline: Int) throws(NetlinkError) -> [UInt8]? {
    while true {
      let remaining = deadline - Int(Clock.monotonic / 1_000_000)
      guard remaining > 0, waitReadable(unsafe nl_socket_get_fd(socket), milliseconds: remaining) else {
        return nil
      }
      var sender = sockaddr_nl()
      var buffer: UnsafeMutablePointer<UInt8>?
      let count = unsafe nl_recv(socket, &sender, &buffer, nil)
      defer { unsafe free(buffer) }
      if count == -NLE_AGAIN { continue }
      guard count >= 0 else { throw .transport(Self.message(count)) }
      guard count > 0, sender.nl_pid == 0, let start = unsafe buffer else { continue }
      return unsafe Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }
  }

  private static func message(_ status: Int32) -> String {
    guard let text = unsafe nl_geterror(status) else { return "error \(status)" }
    return unsafe String(cString: text)
  }
}

extension NetlinkSocket {
  /// Returns the ID of a generic netlink family (`CTRL_CMD_GETFAMILY`); nil if the kernel does not have it.
  public func family(named name: String) throws(NetlinkError) -> UInt16? {
    var message = NetlinkMessage(family: GENL_ID_CTRL, command: CTRL_CMD_GETFAMILY)
    message.put(CTRL_ATTR_FAMILY_NAME, string: name)
    do throws(NetlinkError) {
      guard let reply = try request(message).first else { return nil }
      return try NetlinkAttributes(reply, after: 4).number(CTRL_ATTR_FAMILY_ID)
    } catch {
      if error.errno?.number == ENOENT { return nil }
      throw error
    }
  }
}
