// A file of a finished job on its way to a client.
import Kernel
import Manage
import Spool

/// An open result file. Safe to use from any thread.
public final class ResultFile: Sendable {
  public let size: UInt64
  /// Tells this state of the file from every other.
  private let modified: UInt64
  private let inode: UInt64
  private let file: Descriptor

  /// - Throws: a `Problem` with status 404 if there is no such file.
  init(_ folder: DataFolder, job: String, file name: [UInt8]) throws(Problem) {
    let name = FileName(bytes: name)
    do throws(Errno) {
      guard name.bytes.first != UInt8(ascii: ".") else { throw Errno.noSuchFile }
      file = try folder.results.file([FileName(job), name])
      guard let status = Files.status(of: file) else { throw Errno.noSuchFile }
      size = status.size
      modified = status.modified
      inode = status.inode
    } catch {
      throw Problem.notFound("the job \"\(FileName(job))\" has no file \"\(name)\"")
    }
  }

  public func tag(_ coding: ContentCoding) -> EntityTag {
    EntityTag(size: size, modified: modified, inode: inode, coding: coding)
  }

  /// Reads a part; shorter at the end of the file.
  public func read(at offset: UInt64, count: Int) throws(Errno) -> [UInt8] {
    try file.read(at: offset, count: count)
  }

  /// Reads all of the file for its SHA-256.
  func digest(_ hash: consuming any FileHash) throws(Errno) -> [UInt8] {
    var hash = hash
    var offset: UInt64 = 0
    while offset < size {
      let piece = try file.read(at: offset, count: 1 << 18)
      if piece.isEmpty { break }
      hash.update(piece)
      offset += UInt64(piece.count)
    }
    return hash.finish()
  }
}

extension DataFolder {
  /// Opens a file of a finished job.
  ///
  /// - Throws: a `Problem` with status 404 if there is none.
  public func resultFile(job: String, file: [UInt8]) throws(Problem) -> ResultFile {
    try ResultFile(self, job: job, file: file)
  }

  /// Reads a file for its SHA-256.
  public func sha256(of file: ResultFile) throws(Problem) -> [UInt8] {
    do throws(Errno) {
      return try file.digest(makeHash())
    } catch {
      throw Problem(500, "The service failed", "cannot read the file: \(error)")
    }
  }
}
