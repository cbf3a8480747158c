// Numbers in files whose length nobody has checked.

extension [UInt8] {
  /// A little-endian number at an offset; nil where the file ends before it does.
  func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number? {
    let width = Number.bitWidth / 8
    guard offset >= 0, offset <= count - width else { return nil }
    return self[offset..<offset + width].reversed().reduce(0) { $0 << 8 | Number($1) }
  }

  /// Text up to a NUL, at most `limit` bytes of it; nil where none begins.
  func text(at offset: Int, limit: Int) -> String? {
    guard offset >= 0, offset < count else { return nil }
    return String(
      decoding: self[offset..<Swift.min(count, offset + limit)].prefix { $0 != 0 }, as: UTF8.self)
  }
}
