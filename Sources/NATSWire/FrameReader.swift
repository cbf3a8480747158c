// Bytes of a connection in, whole frames out.
import Support

/// Reads frames from a stream that comes in pieces. Its memory is bounded, whatever the other side sends.
public struct FrameReader: Sendable {
  /// Bytes. INFO lists every server of a cluster.
  public static let longestLine = 64 << 10
  /// Bytes of headers and body of one message.
  public let longestMessage: Int
  private var buffer: [UInt8] = []
  /// The first byte that is no part of a frame yet returned.
  private var start = 0
  /// Before this, no line ends.
  private var searched = 0
  /// Bytes of the connection before those in the buffer.
  private var discarded: UInt64 = 0

  public init(longestMessage: Int = 2 << 20) { self.longestMessage = longestMessage }

  /// Whether every byte was part of a frame that was returned.
  var isEmpty: Bool { start == buffer.count }

  /// Adds what has arrived. Take all frames before adding more.
  public mutating func append(_ bytes: some Sequence<UInt8>) {
    if start > 0 {
      buffer.removeFirst(start)
      discarded += UInt64(start)
      searched -= start
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// Returns the next whole frame; nil if there is none yet.
  ///
  /// - Throws: What is wrong, and at which byte of the connection. It is of no use then.
  public mutating func next() throws(FrameError) -> ServerFrame? {
    do throws(FrameError) {
      return try read()
    } catch {
      throw FrameError("byte \(discarded + UInt64(start)) of the connection: \(error)")
    }
  }

  private mutating func read() throws(FrameError) -> ServerFrame? {
    guard let end = try lineEnd() else { return nil }
    let line = buffer[start..<end]
    var words = Words(line)
    let frame: ServerFrame
    switch words.next().map({ String(decoding: $0, as: UTF8.self).uppercased() }) {
    case "MSG": return try message(words, end + 2, hasHeaders: false)
    case "HMSG": return try message(words, end + 2, hasHeaders: true)
    case "PING": frame = .ping
    case "PONG": frame = .pong
    case "+OK": frame = .ok
    case "INFO": frame = .info(Array(words.rest))
    case "-ERR":
      frame = .error(String(decoding: words.rest, as: UTF8.self).filter { $0 != "'" })
    default: throw FrameError(found: Array(line), expected: "an operation of a NATS server")
    }
    take(to: end + 2)
    return frame
  }

  private mutating func take(to end: Int) {
    start = end
    searched = end
  }

  /// Returns the index of the line's CR LF.
  private mutating func lineEnd() throws(FrameError) -> Int? {
    while searched + 1 < buffer.count {
      if buffer[searched] == 0x0d, buffer[searched + 1] == 0x0a { return searched }
      searched += 1
      guard searched - start <= Self.longestLine else {
        throw FrameError("found a line of more than \(Self.longestLine) bytes")
      }
    }
    return nil
  }

  /// Reads `SUBJECT SUBSCRIPTION [REPLY] [HEADERS] TOTAL` and what follows the line; returns nil if that is not all there.
  private mutating func message(_ words: Words, _ body: Int, hasHeaders: Bool) throws(FrameError)
    -> ServerFrame?
  {
    let found = Array(words.rest)
    let words = Array(words)
    let numbers = hasHeaders ? 2 : 1
    guard words.count == 2 + numbers || words.count == 3 + numbers, let last = words.last,
      let subscription = UInt64(decimal: words[1]), let total = UInt64(decimal: last),
      let head = hasHeaders ? UInt64(decimal: words[words.count - 2]) : 0, head <= total
    else { throw FrameError(found: found, expected: "subject, subscription and lengths of a message") }
    guard total <= UInt64(longestMessage) else {
      throw FrameError("found a message of \(total) bytes, expected at most \(longestMessage)")
    }
    let (headEnd, end) = (body + Int(head), body + Int(total))
    guard buffer.count >= end + 2 else { return nil }
    guard buffer[end] == 0x0d, buffer[end + 1] == 0x0a else {
      throw FrameError(found: Array(buffer[end..<end + 2]), expected: "CR LF after a message")
    }
    let message = Message(
      subject: String(decoding: words[0], as: UTF8.self), subscription: subscription,
      reply: words.count == 3 + numbers ? String(decoding: words[2], as: UTF8.self) : nil,
      headers: hasHeaders ? try HeaderBlock(parsing: buffer[body..<headEnd]) : nil,
      body: Array(buffer[headEnd..<end]))
    take(to: end + 2)
    return .message(message)
  }
}

/// The words of a line; nats-server 2.9 leaves two spaces where a reply subject could be.
private struct Words: Sequence, IteratorProtocol {
  private(set) var rest: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) { rest = line }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  mutating func next() -> ArraySlice<UInt8>? {
    rest = rest.drop(while: Self.isSpace)
    guard !rest.isEmpty else { return nil }
    let word = rest.prefix { !Self.isSpace($0) }
    rest = rest[word.endIndex...].drop(while: Self.isSpace)
    return word
  }
}
