// A record of the event ring, from its bytes to a line of results.
import Datapath
import Scan
import Wire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

extension FuzzTarget {
  /// A record that parses as a reply has a plausible time, and a complete line in both output formats.
  static let eventRecord = FuzzTarget("event-record", maximumLength: 128) { bytes in
    guard let reply = Reply(record: bytes.span) else { return }
    try require(bytes.count == Reply.recordLength, "a record of \(bytes.count) bytes")
    try require(reply.optionsLength <= 40, "\(reply.optionsLength) bytes of options")
    for taken in [0, reply.time, reply.time &+ 1_000_000, .max] {
      let time = XDPReceiver.receiptTime(stamped: reply.time, drained: taken)
      try require(
        time >= reply.time && time - reply.time <= 10_000_000, "stamped \(reply.time), received \(time)"
      )
    }
    let result = ScanResult(
      reply: reply, isRepeat: reply.needsRST, inCooldown: false, time: reply.time)
    try requireLine(of: result)
  }

  private static func requireLine(of result: ScanResult) throws {
    let fields = ResultField.allCases
    var csv: [UInt8] = []
    ResultFormatter(format: .csv, fields: fields).append(result, to: &csv)
    try require(csv.last == UInt8(ascii: "\n"), "no line feed")
    let text = String(decoding: csv.dropLast(), as: UTF8.self)
    try requirePrintable(text)
    // No field of a reply holds a comma, a quote or a line end.
    let columns = text.split(separator: ",", omittingEmptySubsequences: false).count
    try require(columns == fields.count, "\(columns) columns: \(text)")
    var json: [UInt8] = []
    ResultFormatter(format: .json, fields: fields).append(result, to: &json)
    try require(json.count { $0 == UInt8(ascii: "\n") } == 1, "not one line")
    let object = try JSONDecoder().decode([String: JSONScalar].self, from: Data(json))
    try require(object.count == fields.count, "\(object.count) keys")
  }
}

/// The possible values of a field in JSON.
private enum JSONScalar: Decodable {
  case number(Double)
  case text(String)
  case absent

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .absent
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }
}
