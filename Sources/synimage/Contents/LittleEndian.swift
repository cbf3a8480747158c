// Numbers and text in binary files of unchecked length.
import Kernel

extension [UInt8] {
  /// The little-endian number at `offset`; nil past the end.
  func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number? {
    native(at: offset, as: type).map(Number.init(littleEndian:))
  }

  /// The text from `offset` up to a NUL, at most `limit` bytes; nil past the end.
  func text(at offset: Int, limit: Int) -> String? {
    guard offset >= 0, offset < count else { return nil }
    return String(
      decoding: self[offset..<Swift.min(count, offset + limit)].prefix { $0 != 0 }, as: UTF8.self)
  }
}
