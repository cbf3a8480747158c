// Sorting millions of address ranges without a second copy of them.

/// What is sorted by a number of 32 bits.
protocol RadixSortable: BitwiseCopyable {
  var sortKey: UInt32 { get }
}

extension AddressRange: RadixSortable {
  var sortKey: UInt32 { first }
}

extension Entry: RadixSortable {
  var sortKey: UInt32 { addresses.first }
}

/// Sorts in ascending order of the keys; not stable. O(n), in place: the American flag sort of McIlroy,
/// Bostic and McIlroy ("Engineering Radix Sort", 1993).
func sortByRadix<Element: RadixSortable>(_ elements: inout [Element]) {
  var span = elements.mutableSpan
  // Lists are mostly written in order.
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

/// Sorts a part in which all keys have the same bits above `shift` + 8: by these eight bits here, then each
/// of its buckets by the next eight.
private func distribute<Element: RadixSortable>(
  _ elements: inout MutableSpan<Element>, _ range: Range<Int>, shift: UInt32
) {
  if range.count <= 32 { return sortByInsertion(&elements, range) }
  var ends = InlineArray<256, Int>(repeating: 0)
  for index in range { ends[Int(elements[index].sortKey >> shift & 255)] += 1 }
  var places = InlineArray<256, Int>(repeating: 0)
  var sum = range.lowerBound
  for digit in 0..<256 {
    places[digit] = sum
    sum += ends[digit]
    ends[digit] = sum
  }
  for digit in 0..<256 {
    while places[digit] < ends[digit] {
      // Each element goes to its bucket and pushes another one out, until one belongs here.
      var element = elements[places[digit]]
      while case let own = Int(element.sortKey >> shift & 255), own != digit {
        let pushedOut = elements[places[own]]
        elements[places[own]] = element
        places[own] += 1
        element = pushedOut
      }
      elements[places[digit]] = element
      places[digit] += 1
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
    var place = index
    while place > range.lowerBound, elements[place - 1].sortKey > element.sortKey {
      elements[place] = elements[place - 1]
      place -= 1
    }
    elements[place] = element
  }
}
