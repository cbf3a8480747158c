// What may be probed: the lists of a configuration or of the command line, read into one scope.
import Kernel
import Plan

/// Where the scope comes from. What is not within `allow` is never probed, nor what is within `deny`.
struct ScopeSources: Sendable {
  var allow: AddressSet?
  var allowFile: String?
  var deny: AddressSet?
  var denyFile: String?
  var specialPurpose = SpecialPurpose.Rule.skip

  var files: [String] { [allowFile, denyFile].compactMap(\.self) }
  /// What the files' status is now; nil for one that is not there.
  var statuses: [FileStatus?] { files.map { Files.statusOfTarget(of: $0) } }
}

/// The scope in force, and its identity.
struct ScopeInForce: Sendable {
  let scope: Scope
  let sha256: String
}

/// A list that is not there, or no file, or not ours to read.
struct UnreadableList: Error, CustomStringConvertible {
  /// The configuration's key that names it.
  let key: String
  let file: String
  let fault: Fault

  var found: String { "a list that cannot be read (\(fault))" }
  static let expected =
    "a file of addresses, ranges and prefixes; nothing is scanned without it"
  var description: String { "\(file): found \(found), expected \(Self.expected)" }
}

extension ScopeSources {
  /// A list of the box's: a FIFO would keep it waiting, and a list that somebody is writing is not one yet.
  static func regularFile(_ path: String) throws(Fault) -> [UInt8] { try Files.readUnchanged(path) }

  /// Reads the lists, each by `open`. Throws `InputError` for a mistake in one, `UnreadableList` for one
  /// that `open` cannot read.
  func read(_ open: (String) throws(Fault) -> [UInt8]) throws -> ScopeInForce {
    var hash = ScopeHash()
    var scope = Scope(allow: allow, deny: deny ?? AddressSet(), specialPurpose: specialPurpose)
    if let allow { hash.add("allow", Self.text(allow)) }
    if let allowFile {
      let list = try Self.read(allowFile, key: "allow-file", open)
      hash.add("allow", list.bytes)
      scope.allow = scope.allow?.union(list.set) ?? list.set
    }
    if let deny { hash.add("deny", Self.text(deny)) }
    if let denyFile {
      let list = try Self.read(denyFile, key: "deny-file", open)
      hash.add("deny", list.bytes)
      scope.deny = scope.deny.union(list.set)
    }
    return ScopeInForce(scope: scope, sha256: hash.hex(specialPurpose: specialPurpose))
  }

  private static func read(
    _ file: String, key: String, _ open: (String) throws(Fault) -> [UInt8]
  ) throws -> (bytes: [UInt8], set: AddressSet) {
    let bytes: [UInt8]
    do throws(Fault) {
      bytes = try open(file)
    } catch {
      throw UnreadableList(key: key, file: file, fault: error)
    }
    return (bytes, try AddressList.parse(bytes, name: file))
  }

  private static func text(_ set: AddressSet) -> [UInt8] {
    Array(set.ranges.map(\.description).joined(separator: "\n").utf8)
  }
}
