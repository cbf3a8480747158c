// TCP options from a peer.
import Wire

extension FuzzTarget {
  /// The result equals that of a reference parser, which first splits the list into options.
  static let tcpOptions = FuzzTarget("tcp-options", maximumLength: 64) { bytes in
    let read = TCPOptions(bytes.span)
    var expected = TCPOptions([UInt8]().span)
    for option in cut(bytes[...]) {
      let value = option.value.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      switch (option.kind, option.value.count) {
      case (2, 2): expected.maximumSegmentSize = UInt16(value)
      case (3, 1): expected.windowScale = UInt8(value)
      case (4, 0): expected.selectiveAcknowledgmentPermitted = true
      case (8, 8):
        expected.timestampValue = UInt32(value >> 32)
        expected.timestampEcho = UInt32(truncatingIfNeeded: value)
      default: break
      }
    }
    try require(read == expected, "\(read), expected \(expected)")
  }

  private static func cut(_ bytes: ArraySlice<UInt8>) -> [(kind: UInt8, value: ArraySlice<UInt8>)] {
    guard let kind = bytes.first, kind != 0 else { return [] }
    if kind == 1 { return cut(bytes.dropFirst()) }
    guard let length = bytes.dropFirst().first, length >= 2, length <= bytes.count else { return [] }
    return [(kind, bytes.prefix(Int(length)).dropFirst(2))] + cut(bytes.dropFirst(Int(length)))
  }
}
