// Numbers, addresses and times formatted straight into a byte buffer, because a scan writes hundreds of thousands of
// results.
import Wire

extension [UInt8] {
  /// Appends text in UTF-8.
  public mutating func append(text: String) { append(contentsOf: text.utf8) }

  /// Appends a number in decimal.
  public mutating func append(decimal number: some UnsignedInteger & FixedWidthInteger) {
    var quotient = UInt64(number)
    guard quotient > 9 else { return append(UInt8(ascii: "0") + UInt8(quotient)) }
    let start = count
    while quotient > 0 {
      append(UInt8(ascii: "0") + UInt8(quotient % 10))
      quotient /= 10
    }
    var (low, high) = (start, count - 1)
    while low < high {
      swapAt(low, high)
      low += 1
      high -= 1
    }
  }

  /// Appends a number with leading zeros up to `width` digits.
  mutating func append(padded number: Int, width: Int) {
    var divisor = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }

  /// Appends an address in dotted decimal.
  public mutating func append(_ address: IPv4Address) {
    append(decimal: address.value >> 24)
    append(UInt8(ascii: "."))
    append(decimal: address.value >> 16 & 255)
    append(UInt8(ascii: "."))
    append(decimal: address.value >> 8 & 255)
    append(UInt8(ascii: "."))
    append(decimal: address.value & 255)
  }
}

/// A time in UTC, as components of the proleptic Gregorian calendar.
public struct CalendarTime: Hashable, Sendable {
  public let year: Int
  public let month: Int
  public let day: Int
  public let hour: Int
  public let minute: Int
  public let second: Int
  public let microsecond: Int

  /// - Parameter nanoseconds: since 1970-01-01 UTC.
  public init(unixNanoseconds nanoseconds: UInt64) {
    let seconds = Int(nanoseconds / 1_000_000_000)
    microsecond = Int(nanoseconds % 1_000_000_000 / 1000)
    let inDay = seconds % 86400
    (hour, minute, second) = (inDay / 3600, inDay / 60 % 60, inDay % 60)
    // Days since 0000-03-01, so that the leap day is the last of its year; eras of 400 years.
    let days = seconds / 86400 + 719_468
    let (era, dayOfEra) = days.quotientAndRemainder(dividingBy: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shifted + 2) / 5 + 1
    month = shifted < 10 ? shifted + 3 : shifted - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}

extension [UInt8] {
  /// Appends a time in the RFC 3339 form of ZMap's `timestamp_str`, truncated to milliseconds:
  /// `2026-11-22T16:20:00.000Z`.
  ///
  /// - Parameter nanoseconds: since 1970-01-01 UTC.
  public mutating func append(timestamp nanoseconds: UInt64) {
    let time = CalendarTime(unixNanoseconds: nanoseconds)
    append(padded: time.year, width: 4)
    append(UInt8(ascii: "-"))
    append(padded: time.month, width: 2)
    append(UInt8(ascii: "-"))
    append(padded: time.day, width: 2)
    append(UInt8(ascii: "T"))
    append(padded: time.hour, width: 2)
    append(UInt8(ascii: ":"))
    append(padded: time.minute, width: 2)
    append(UInt8(ascii: ":"))
    append(padded: time.second, width: 2)
    append(UInt8(ascii: "."))
    append(padded: time.microsecond / 1000, width: 3)
    append(UInt8(ascii: "Z"))
  }
}
