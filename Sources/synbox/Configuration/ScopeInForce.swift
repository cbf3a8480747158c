// Reads the allow and deny lists of a configuration or of the command line into one scope.
import Kernel
import Plan

/// The sources of a scope. Only addresses within `allow` and not within `deny` are ever probed.
package struct ScopeSources: Sendable {
  var allow: AddressSet?
  var allowFile: String?
  var deny: AddressSet?
  var denyFile: String?
  var specialPurpose = SpecialPurpose.Rule.skip

  var files: [String] { [allowFile, denyFile].compactMap(\.self) }
  /// The current status of each file; nil for a missing one.
  var statuses: [FileStatus?] { files.map { Files.statusOfTarget(of: $0) } }
}

/// The scope in force.
struct ScopeInForce: Sendable {
  let scope: Scope
  /// Identifies the scope by the contents of its lists.
  let sha256: String
}

/// A scope list is missing, unreadable, or not a regular file.
struct UnreadableList: Error, CustomStringConvertible {
  /// The key in the configuration that names the list.
  let key: String
  let file: String
  let fault: Fault

  var found: String { "a list that cannot be read (\(fault))" }
  static let expected =
    "a file of addresses, ranges and prefixes; nothing is scanned without it"
  var description: String { "\(file): found \(found), expected \(Self.expected)" }
}

extension ScopeSources {
  /// Reads a list of the box. Fails for a FIFO, which could block forever, and for a file that changes meanwhile.
  static func regularFile(_ path: String) throws(Fault) -> [UInt8] { try Files.readUnchanged(path) }

  /// Reads the lists.
  ///
  /// - Parameter open: reads one file.
  /// - Throws: `InputError` for a mistake in a list, `UnreadableList` if `open` fails.
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
