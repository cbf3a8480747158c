// Reading the members of a JSON object, each with its bounds.
import Plan
import Support

/// The members of an object of a certain kind.
struct Fields {
  let members: [String: JSONValue]
  /// Names the object in errors.
  let what: String

  /// - Parameter known: the only members that it may have, because an unknown one could change what the others mean; nil
  ///   for any.
  init(_ value: JSONValue?, _ what: String, known: Set<String>? = nil) throws(FleetError) {
    guard case .object(let members) = value else { throw FleetError("\(what): expected an object") }
    self.members = members
    self.what = what
    if let known, let foreign = members.keys.filter({ !known.contains($0) }).min() {
      throw FleetError("\(what): unknown member \"\(foreign)\"")
    }
  }

  /// Throws unless the object's version is 1.
  func requireVersion() throws(FleetError) {
    guard case .number(1) = members["v"] else {
      throw FleetError("\(what): unknown version, expected v 1; update this program")
    }
  }

  func error(_ name: String, _ expected: String) -> FleetError {
    FleetError("\(what): \(name): expected \(expected)")
  }

  func isAbsent(_ name: String) -> Bool { members[name] == nil || members[name] == .null }

  func text(_ name: String, limit: Int) throws(FleetError) -> String {
    guard case .text(let text) = members[name], text.utf8.count <= limit else {
      throw error(name, "a text of at most \(limit) bytes")
    }
    return text
  }

  func flag(_ name: String) throws(FleetError) -> Bool {
    guard case .flag(let flag) = members[name] else { throw error(name, "true or false") }
    return flag
  }

  func number(_ name: String, in range: ClosedRange<UInt64> = 0...(1 << 53)) throws(FleetError)
    -> UInt64
  {
    guard case .number(let number) = members[name], number >= 0, range.contains(UInt64(number)) else {
      throw error(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return UInt64(number)
  }

  /// A number as a text of digits.
  func digits(_ name: String) throws(FleetError) -> UInt64 {
    guard case .text(let text) = members[name], let number = UInt64(decimal: text) else {
      throw error(name, "a text of digits, below 2^64")
    }
    return number
  }

  func digest(_ name: String) throws(FleetError) -> Digest {
    guard case .text(let text) = members[name], let digest = Digest(text) else {
      throw error(name, "a SHA-256 as 64 lower-case hexadecimal digits")
    }
    return digest
  }

  func list(_ name: String, limit: Int) throws(FleetError) -> [JSONValue] {
    guard case .list(let items) = members[name], items.count <= limit else {
      throw error(name, "a list of at most \(limit)")
    }
    return items
  }

  func texts(_ name: String, limit: Int, length: Int) throws(FleetError) -> [String] {
    var texts: [String] = []
    for item in try list(name, limit: limit) {
      guard case .text(let text) = item, text.utf8.count <= length else {
        throw error(name, "texts of at most \(length) bytes")
      }
      texts.append(text)
    }
    return texts
  }

  func name(_ name: String) throws(FleetError) -> BoxName {
    guard case .text(let text) = members[name], let box = BoxName(text) else {
      throw error(name, BoxName.expected)
    }
    return box
  }

  /// Reads `[scan, shard, …]`.
  func shard(_ name: String, _ item: JSONValue, count: Int) throws(FleetError) -> (ShardID, [JSONValue])
  {
    guard case .list(let parts) = item, parts.count == count, case .text(let text) = parts[0],
      let scan = Digest(text), case .number(let number) = parts[1],
      number >= 0, number < Int64(ScanDescription.mostShards)
    else { throw error(name, "lists of \(count): a scan, a shard, …") }
    return (ShardID(scan: scan, number: UInt32(number)), Array(parts[2...]))
  }
}
