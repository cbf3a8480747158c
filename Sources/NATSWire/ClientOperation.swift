// What a client sends (docs.nats.io, "Client Protocol").

/// One operation of the client.
public enum ClientOperation: Sendable {
  /// JSON: who the client is, and what it understands.
  case connect([UInt8])
  case ping
  case pong
  /// The number is the client's choice; messages name it.
  case subscribe(Subject, UInt64)
  case publish(Subject, reply: Subject? = nil, headers: HeaderBlock? = nil, body: [UInt8] = [])

  public var bytes: [UInt8] {
    switch self {
    case .connect(let json): Array("CONNECT ".utf8) + json + Self.lineEnd
    case .ping: Array("PING\r\n".utf8)
    case .pong: Array("PONG\r\n".utf8)
    case .subscribe(let subject, let number): Array("SUB \(subject) \(number)\r\n".utf8)
    case .publish(let subject, let reply, let headers, let body):
      Self.publish(reply.map { "\(subject) \($0)" } ?? "\(subject)", headers?.bytes, body)
    }
  }

  private static let lineEnd: [UInt8] = [0x0d, 0x0a]

  private static func publish(_ subjects: String, _ headers: [UInt8]?, _ body: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(subjects.utf8.count + (headers?.count ?? 0) + body.count + 64)
    if let headers {
      bytes += "HPUB \(subjects) \(headers.count) \(headers.count + body.count)\r\n".utf8
      bytes += headers
    } else {
      bytes += "PUB \(subjects) \(body.count)\r\n".utf8
    }
    return bytes + body + lineEnd
  }
}
