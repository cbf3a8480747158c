// A simple reference parser for the line format, to compare with.
import Plan
import Support
import Wire

/// An entry of a target file.
struct PlainEntry {
  var first: UInt32
  var last: UInt32
  /// nil if the entry has none.
  var ports: PortSet?
}

/// Returns the entries and directives of an accepted text.
func plainLines(_ bytes: [UInt8]) throws -> (entries: [PlainEntry], directives: [Substring]) {
  let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
  var (entries, directives): ([PlainEntry], [Substring]) = ([], [])
  for line in text.split(separator: UInt8(ascii: "\n")) {
    // Accepted lines are ASCII outside comments.
    let content = String(decoding: line.prefix { $0 != UInt8(ascii: "#") }, as: UTF8.self)
    for word in content.split(whereSeparator: { " \t\r\r\n".contains($0) }).prefix(1) {
      if word.hasPrefix("@") { directives.append(word) } else { entries.append(try plainEntry(word)) }
    }
  }
  return (entries, directives)
}

private func plainEntry(_ word: Substring) throws -> PlainEntry {
  let halves = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
  let ports = halves.count > 1 ? try PortSet(parsing: String(halves[1])) : nil
  func address(_ text: Substring) throws -> UInt32 {
    guard let address = IPv4Address(text) else {
      throw FuzzFailure(description: "\"\(text)\" was accepted as an address")
    }
    return address.value
  }
  let range = halves[0].split(separator: "-", omittingEmptySubsequences: false)
  if range.count == 2 {
    return PlainEntry(first: try address(range[0]), last: try address(range[1]), ports: ports)
  }
  let prefix = halves[0].split(separator: "/", omittingEmptySubsequences: false)
  let start = try address(prefix[0])
  guard prefix.count == 2 else { return PlainEntry(first: start, last: start, ports: ports) }
  guard let length = UInt8(decimal: prefix[1]), length <= 32 else {
    throw FuzzFailure(description: "\"\(prefix[1])\" was accepted as a prefix length")
  }
  let size = UInt64(1) << UInt64(32 - length)
  let first = UInt64(start) / size * size
  return PlainEntry(first: UInt32(first), last: UInt32(first + size - 1), ports: ports)
}

/// Returns the number of different (address, port) pairs of the entries, in n² steps.
func plainPairs(_ entries: [PlainEntry], without: PortSet) -> UInt64 {
  let edges = entries.flatMap { [UInt64($0.first), UInt64($0.last) + 1] }.sorted()
  var pairs: UInt64 = 0
  for (start, end) in zip(edges, edges.dropFirst()) where start < end {
    let covering = entries.filter { UInt64($0.first) <= start && end <= UInt64($0.last) + 1 }
    let ports = PortSet(covering.flatMap { ($0.ports ?? without).ranges })
    pairs += (end - start) * UInt64(ports.count)
  }
  return pairs
}

/// Returns the addresses of the entries.
func plainAddresses(_ entries: [PlainEntry]) -> AddressSet {
  AddressSet(entries.map { AddressRange($0.first, $0.last) })
}
