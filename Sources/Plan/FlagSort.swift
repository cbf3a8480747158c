// An in-place radix sort, for millions of address ranges.

/// A value that is sorted by a 32-bit key.
protocol RadixSortable: BitwiseCopyable {
  var sortKey: UInt32 { get }
}

extension AddressRange: RadixSortable {
  var sortKey: UInt32 { first }
}

extension Entry: RadixSortable {
  var sortKey: UInt32 { addresses.first }
}

/// Sorts in place in ascending order of the keys; not stable. O(n).
///
/// This is the American flag sort of McIlroy, Bostic and McIlroy ("Engineering Radix Sort", 1993).
func sortByRadix<Element: RadixSortable>(_ elements: inout [Element]) {
  var span = elements.mutableSpan
  // Most lists are already in order.
  if isSorted(span.span) { return }
  distribute(&span, 0..<span.count, shift: 24)
}

private func isSorted<Element: RadixSortable>(_ elements: Span<Element>) -> Bool {
  var last: UInt32 = 0
  for index in elements.indices {
    let key = elements[index].sortKey
    if key < last { return false }
    last = key
  }
  return true
}

/// Sorts a range whose keys agree in all bits above `shift` + 8: distributes it by the eight bits at `shift`, then
/// sorts each bucket by the next eight.
private func distribute<Element: RadixSortable>(
  _ elements: inout MutableSpan<Element>, _ range: Range<Int>, shift: UInt32
) {
  if range.count <= 32 { return sortByInsertion(&elements, range) }
  var ends = InlineArray<256, Int>(repeating: 0)
  for index in range { ends[Int(elements[index].sortKey >> shift & 255)] += 1 }
  var heads = InlineArray<256, Int>(repeating: 0)
  var sum = range.lowerBound
  for digit in 0..<256 {
    heads[digit] = sum
    sum += ends[digit]
    ends[digit] = sum
  }
  for digit in 0..<256 {
    while heads[digit] < ends[digit] {
      // Each element moves to its bucket and displaces another one, until one belongs here.
      var element = elements[heads[digit]]
      while case let own = Int(element.sortKey >> shift & 255), own != digit {
        let displaced = elements[heads[own]]
        elements[heads[own]] = element
        heads[own] += 1
        element = displaced
      }
      elements[heads[digit]] = element
      heads[digit] += 1
    }
  }
  if shift == 0 { return }
  var start = range.lowerBound
  for digit in 0..<256 {
    if ends[digit] - start > 1 { distribute(&elements, start..<ends[digit], shift: shift - 8) }
    start = ends[digit]
  }
}

private func sortByInsertion<Element: RadixSortable>(
  _ elements: inout MutableSpan<Element>, _ range: Range<Int>
) {
  for index in range.dropFirst() {
    let element = elements[index]
    var hole = index
    while hole > range.lowerBound, elements[hole - 1].sortKey > element.sortKey {
      elements[hole] = elements[hole - 1]
      hole -= 1
    }
    elements[hole] = element
  }
}
