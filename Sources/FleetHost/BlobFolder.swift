// Files under their hashes: what is below a name is always what the name says.
import Fleet
import Kernel
import Plan

/// A directory of this process alone, with a file for each blob. Files on their way end in `.part`.
public final class BlobFolder: Sendable {
  public let path: String
  private let directory: Directory
  private static let suffix = ".part"

  /// Opens the directory and removes what an earlier process left unfinished.
  ///
  /// - Parameter sweeps: false beside another `BlobFolder` of this process, which may be writing.
  public init(_ path: String, sweeps: Bool = true) throws(Fault) {
    self.path = path
    directory = try Directory(path)
    guard sweeps else { return }
    do throws(Errno) {
      for name in try directory.entries() where Self.digest(name) == nil { try directory.remove(name) }
    } catch {
      throw Fault("cannot sweep \(path)", cause: error)
    }
  }

  private static func digest(_ name: FileName) -> Digest? { name.text.flatMap { Digest($0) } }

  private func fault(_ what: String, _ digest: Digest, _ cause: Errno) -> Fault {
    Fault("cannot \(what) \(path)/\(digest)", cause: cause)
  }

  /// The blobs and their sizes in bytes.
  public func list() throws(Fault) -> [Digest: UInt64] {
    do throws(Errno) {
      var found: [Digest: UInt64] = [:]
      for name in try directory.entries() {
        if let digest = Self.digest(name), let status = directory.status(name) {
          found[digest] = status.size
        }
      }
      return found
    } catch {
      throw Fault("cannot list \(path)", cause: error)
    }
  }

  public func contains(_ digest: Digest) -> Bool {
    directory.status(FileName(digest.description)) != nil
  }

  /// Returns the content of a blob; nil if there is none.
  public func read(_ digest: Digest, limit: Int) throws(Fault) -> [UInt8]? {
    do throws(Errno) {
      return try directory.read(FileName(digest.description), limit: limit)
    } catch {
      if error == .noSuchFile { return nil }
      throw fault("read", digest, error)
    }
  }

  func open(_ digest: Digest) throws(Errno) -> Descriptor {
    try directory.file([FileName(digest.description)])
  }

  /// Returns at most `count` bytes from an offset; none beyond the end, nil if there is no such blob.
  public func read(_ digest: Digest, at offset: UInt64, count: Int) throws(Fault) -> [UInt8]? {
    do throws(Errno) {
      return try open(digest).read(at: offset, count: count)
    } catch {
      if error == .noSuchFile { return nil }
      throw fault("read", digest, error)
    }
  }

  /// Writes a blob whose hash is right, and flushes it.
  public func write(_ digest: Digest, _ bytes: [UInt8]) throws(Fault) {
    try append(digest, at: 0, bytes)
    try flush(digest)
  }

  /// Writes a piece to a blob on its way; at offset 0 it begins anew.
  public func append(_ digest: Digest, at offset: UInt64, _ bytes: [UInt8]) throws(Fault) {
    let file = try Files.create("\(path)/\(digest)\(Self.suffix)", keepsContent: offset > 0)
    do throws(Errno) {
      try file.truncate(to: offset)
      try file.writeAll(bytes)
    } catch {
      throw fault("write", digest, error)
    }
  }

  /// Checks the hash of a blob on its way, flushes it and puts it in its place.
  ///
  /// - Returns: false if the hash was another; the file is then removed.
  public func finish(_ digest: Digest) throws(Fault) -> Bool {
    guard try hash(digest) == digest else {
      try remove("\(digest)\(Self.suffix)", digest)
      return false
    }
    try flush(digest)
    return true
  }

  private func flush(_ digest: Digest) throws(Fault) {
    let part = "\(path)/\(digest)\(Self.suffix)"
    try Files.sync(part)
    try Files.rename(part, to: "\(path)/\(digest)")
    try Files.syncDirectory(path)
  }

  private func hash(_ digest: Digest) throws(Fault) -> Digest {
    var hasher = SHA256.Hasher()
    do throws(Errno) {
      let file = try directory.file([FileName("\(digest)\(Self.suffix)")])
      var offset: UInt64 = 0
      while case let piece = try file.read(at: offset, count: 1 << 20), !piece.isEmpty {
        hasher.add(piece.span)
        offset += UInt64(piece.count)
      }
    } catch {
      throw fault("read", digest, error)
    }
    return Digest(hasher)
  }

  /// Removes a blob, if there is one.
  public func remove(_ digest: Digest) throws(Fault) { try remove(digest.description, digest) }

  private func remove(_ name: String, _ digest: Digest) throws(Fault) {
    do throws(Errno) { try directory.remove(FileName(name)) } catch {
      throw fault("remove", digest, error)
    }
  }
}
