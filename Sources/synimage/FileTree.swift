// The files of a directory in an order that does not depend on the machine.
import Crypto
import Foundation
import Kernel
import Support

/// A file, directory or symbolic link in a tree.
struct TreeEntry {
  enum Kind: String {
    case directory, file, link
  }
  /// Relative to the root of the tree.
  let path: String
  let kind: Kind
  /// Permission bits.
  let mode: Int
  /// The size in bytes; 0 unless this is a file.
  let size: Int
  /// The target of a symbolic link.
  let target: String?
}

enum FileTree {
  /// Returns everything below `root`, sorted by the bytes of the paths, so that a directory precedes its contents.
  ///
  /// - Throws: a `Fault` for a file of another type, such as a device.
  static func entries(of root: String) throws -> [TreeEntry] {
    let manager = FileManager.default
    guard let paths = manager.subpaths(atPath: root) else {
      throw Fault("cannot read the directory \(root)")
    }
    return try paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { path in
      let attributes = try manager.attributesOfItem(atPath: "\(root)/\(path)")
      let kind: TreeEntry.Kind =
        switch attributes[.type] as? FileAttributeType {
        case .typeDirectory: .directory
        case .typeRegular: .file
        case .typeSymbolicLink: .link
        default: throw Fault("\(root)/\(path) is not a regular file, directory or symbolic link")
        }
      return TreeEntry(
        path: path, kind: kind, mode: (attributes[.posixPermissions] as? Int ?? 0) & 0o7777,
        size: kind == .file ? attributes[.size] as? Int ?? 0 : 0,
        target: kind == .link ? try manager.destinationOfSymbolicLink(atPath: "\(root)/\(path)") : nil)
    }
  }

  static func sha256(of path: String) throws -> String { SHA256.hex(try Files.read(path)) }

  static func sha256(of bytes: ArraySlice<UInt8>) -> String { SHA256.hex(bytes) }

  static func size(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return attributes[.size] as? Int ?? 0
  }
}

extension SHA256 {
  /// Returns the digest in lower-case hexadecimal.
  static func hex(_ bytes: some DataProtocol) -> String {
    Hexadecimal.encode(hash(data: bytes))
  }
}
