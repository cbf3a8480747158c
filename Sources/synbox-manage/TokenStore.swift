// The token file, read again when it changes.
import Kernel
import Manage
import Plan

/// The token file as it was read last.
struct TokenStore {
  let path: String
  private(set) var tokens: TokenFile
  private var status: FileStatus?

  init(_ path: String) throws {
    self.path = path
    status = Files.statusOfTarget(of: path)
    tokens = try Self.read(path)
  }

  private static func read(_ path: String) throws -> TokenFile {
    try TokenFile(try Files.read(path, limit: TokenFile.maximumSize + 1), file: path)
  }

  /// Reads the file again if it is another one than before. Returns whether it was; what cannot be read, or has a mistake,
  /// leaves the tokens as they are.
  mutating func reload() throws -> Bool {
    let now = Files.statusOfTarget(of: path)
    guard now != status else { return false }
    status = now
    tokens = try Self.read(path)
    return true
  }
}
