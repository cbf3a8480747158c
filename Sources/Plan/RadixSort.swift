// Sorting millions of integers by some of their bits.

/// Sorts by the given bits alone, in ascending order; stable. O(n), with one array of scratch memory.
func sortByRadix(_ keys: inout [UInt64], bits: Range<UInt64>) {
  if isSorted(keys.span, bits: bits) { return }
  let width: UInt64 = 11
  var scratch = [UInt64](repeating: 0, count: keys.count)
  var low = bits.lowerBound
  while low < bits.upperBound {
    distribute(keys.span, into: &scratch, shift: low, width: min(width, bits.upperBound - low))
    swap(&keys, &scratch)
    low += width
  }
}

/// Lists are mostly written in order.
private func isSorted(_ keys: Span<UInt64>, bits: Range<UInt64>) -> Bool {
  let mask = UInt64.max >> (64 - UInt64(bits.count))
  var last: UInt64 = 0
  for index in keys.indices {
    let key = keys[index] >> bits.lowerBound & mask
    if key < last { return false }
    last = key
  }
  return true
}

private func distribute(
  _ keys: Span<UInt64>, into sorted: inout [UInt64], shift: UInt64, width: UInt64
) {
  let mask = (1 << width) - 1 as UInt64
  var starts = [Int](repeating: 0, count: 1 << Int(width))
  for index in keys.indices { starts[Int(keys[index] >> shift & mask)] += 1 }
  var sum = 0
  for digit in starts.indices { (starts[digit], sum) = (sum, sum + starts[digit]) }
  var out = sorted.mutableSpan
  for index in keys.indices {
    let digit = Int(keys[index] >> shift & mask)
    out[starts[digit]] = keys[index]
    starts[digit] += 1
  }
}
