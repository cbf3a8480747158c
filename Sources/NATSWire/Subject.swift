// Subjects, the addresses of messages: tokens with dots between them.

/// A subject to publish to, or a pattern to subscribe to. It holds nothing that would begin another operation.
public struct Subject: Hashable, Sendable, CustomStringConvertible {
  /// Bytes. Half of what nats-server takes as a line (`max_control_line`), so that two fit.
  public static let longest = 2_000
  public let description: String

  /// Returns nil unless `text` is 1 to `longest` visible ASCII characters, and no token is empty.
  public init?(_ text: String) {
    let tokens = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard text.utf8.count <= Self.longest, text.utf8.allSatisfy({ 0x21...0x7e ~= $0 }),
      tokens.allSatisfy({ !$0.isEmpty })
    else { return nil }
    description = text
  }

  /// Whether it has a wildcard, `*` or `>`, as a token: only subscriptions may.
  public var isPattern: Bool {
    description.split(separator: ".").contains { $0 == "*" || $0 == ">" }
  }
}
