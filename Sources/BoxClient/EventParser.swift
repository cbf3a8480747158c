// Server-sent events (WHATWG HTML, section 9.2.6): bytes in, events out.

/// One event of a stream.
public struct ServerEvent: Hashable, Sendable {
  /// `message` if the stream does not name it.
  public var name: String
  public var data: String

  public init(name: String, data: String) {
    self.name = name
    self.data = data
  }
}

/// Parses a stream that comes in pieces. Its memory is bounded, whatever the other side sends.
public struct EventParser: Sendable {
  /// An event larger than this is an error.
  public static let maximumSize = 8 << 20

  /// The stream holds an event that is too large.
  public struct TooLarge: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String {
      "an event of more than \(EventParser.maximumSize) bytes was received"
    }
  }

  private var line: [UInt8] = []
  private var name: [UInt8] = []
  private var data: [UInt8] = []
  private var hasData = false
  /// Whether the last byte was a carriage return, after which a line feed belongs to the same line end.
  private var followsReturn = false
  private var isFirstLine = true

  public init() {}

  /// Returns the events that these bytes complete.
  public mutating func take(_ bytes: some Sequence<UInt8>) throws(TooLarge) -> [ServerEvent] {
    var events: [ServerEvent] = []
    for byte in bytes {
      defer { followsReturn = byte == 0x0d }
      switch byte {
      case 0x0a where followsReturn: break
      case 0x0a, 0x0d: if let event = endLine() { events.append(event) }
      default:
        guard line.count + data.count < Self.maximumSize else { throw TooLarge() }
        line.append(byte)
      }
    }
    return events
  }

  /// Returns the event that an empty line ends.
  private mutating func endLine() -> ServerEvent? {
    defer { line.removeAll(keepingCapacity: true) }
    if isFirstLine {
      isFirstLine = false
      if line.starts(with: [0xef, 0xbb, 0xbf]) { line.removeFirst(3) }
    }
    guard !line.isEmpty else { return dispatch() }
    let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
    var value = line[min(colon + 1, line.endIndex)...]
    if value.first == 0x20 { value.removeFirst() }
    switch String(decoding: line[..<colon], as: UTF8.self) {
    case "event": name = Array(value)
    case "data":
      if hasData { data.append(0x0a) }
      data += value
      hasData = true
    default: break
    }
    return nil
  }

  private mutating func dispatch() -> ServerEvent? {
    defer {
      name = []
      data = []
      hasData = false
    }
    guard hasData else { return nil }
    return ServerEvent(
      name: name.isEmpty ? "message" : String(decoding: name, as: UTF8.self),
      data: String(decoding: data, as: UTF8.self))
  }
}
