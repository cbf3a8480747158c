// TCP options as a peer sent them.
import Wire

extension FuzzTarget {
  /// What is read agrees with a second reading, which cuts the list into options first.
  static let tcpOptions = FuzzTarget("tcp-options", maximumLength: 64) { octets in
    let read = TCPOptions(octets.span)
    var expected = TCPOptions([UInt8]().span)
    for option in cut(octets[...]) {
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

  private static func cut(_ octets: ArraySlice<UInt8>) -> [(kind: UInt8, value: ArraySlice<UInt8>)] {
    guard let kind = octets.first, kind != 0 else { return [] }
    if kind == 1 { return cut(octets.dropFirst()) }
    guard let length = octets.dropFirst().first, length >= 2, length <= octets.count else { return [] }
    return [(kind, octets.prefix(Int(length)).dropFirst(2))] + cut(octets.dropFirst(Int(length)))
  }
}
