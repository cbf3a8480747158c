// What a NATS server sends (docs.nats.io, "Client Protocol").
import Support

/// A message to one of our subscriptions.
public struct Message: Hashable, Sendable {
  public let subject: String
  /// The number that the client gave its subscription.
  public let subscription: UInt64
  /// Where to answer.
  public let reply: String?
  public let headers: HeaderBlock?
  public let body: [UInt8]
}

/// One operation of the server.
public enum ServerFrame: Hashable, Sendable {
  /// What the server is, as JSON. Comes first, and again whenever something of it changes.
  case info([UInt8])
  case ping
  case pong
  case ok
  /// What is wrong, without its quotes.
  case error(String)
  case message(Message)
}

/// What a server sent is no frame. Nothing after it can be read.
public struct FrameError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(found: [UInt8], expected: String) {
    let text = Escaping.quotable(String(decoding: found.prefix(80), as: UTF8.self))
    description = "found \"\(text)\", expected \(expected)"
  }

  init(_ description: String) { self.description = description }
}
