// Points in time, as the status writes them.
import Scan

/// A time in UTC, in the form of RFC 3339.
public struct Timestamp: Hashable, Sendable, Codable {
  public let text: String

  public init(text: String) { self.text = text }

  /// - Parameter nanoseconds: since 1970 UTC.
  public init(nanoseconds: UInt64) {
    var bytes: [UInt8] = []
    bytes.append(timestamp: nanoseconds)
    text = String(decoding: bytes, as: UTF8.self)
  }

  public init(from decoder: any Decoder) throws {
    text = try decoder.singleValueContainer().decode(String.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  /// Seconds since 1970, with milliseconds; nil if the text is not `YYYY-MM-DDTHH:MM:SS.mmmZ` or more precise.
  public var seconds: Double? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int? {
      Int(String(decoding: bytes[range], as: UTF8.self)).flatMap { $0 < 0 ? nil : $0 }
    }
    guard let year = number(0..<4), let month = number(5..<7), (1...12).contains(month),
      let day = number(8..<10), let hour = number(11..<13), let minute = number(14..<16),
      let second = number(17..<19)
    else { return nil }
    let milliseconds = bytes.count >= 24 && bytes[19] == UInt8(ascii: ".") ? number(20..<23) ?? 0 : 0
    // Days from civil (Hinnant): years begin in March, so that the leap day is their last.
    let shifted = month > 2 ? year : year - 1
    let (era, yearOfEra) = (shifted / 400, shifted % 400)
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    let whole = ((days * 24 + hour) * 60 + minute) * 60 + second
    return Double(whole * 1000 + milliseconds) / 1e3
  }
}
