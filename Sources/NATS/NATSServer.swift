// Where a server is.
import NIOCore
import Support

/// A server's literal address and port. Names are refused, because a confined process has no resolver.
public struct NATSServer: Hashable, Sendable, CustomStringConvertible {
  /// `ADDRESS:PORT` or `[ADDRESS]:PORT`.
  public let description: String
  let address: SocketAddress

  /// Parses `192.0.2.1:4222` or `[2001:db8::1]:4222`.
  public init(parsing text: String) throws(NATSSettingError) {
    guard let colon = text.lastIndex(of: ":"),
      let port = UInt16(decimal: text[text.index(after: colon)...]), port > 0
    else { throw Self.error(text, "it has no port from 1 to 65535") }
    var host = text[..<colon]
    let isBracketed = host.first == "[" && host.last == "]"
    if isBracketed { host = host.dropFirst().dropLast() }
    guard host.contains(":") == isBracketed, let address = Self.literal(String(host), Int(port)) else {
      throw Self.error(text, "the host is no literal address")
    }
    self.address = address
    description = text
  }

  private static func literal(_ host: String, _ port: Int) -> SocketAddress? {
    try? SocketAddress(ipAddress: host, port: port)
  }

  private static func error(_ text: String, _ why: String) -> NATSSettingError {
    NATSSettingError(
      "the server \"\(Escaping.quotable(text, limit: 80))\" is invalid: \(why); expected ADDRESS:PORT")
  }
}

/// A setting of the client that cannot be used.
public struct NATSSettingError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
