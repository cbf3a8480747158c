// Files under their hashes.
import Fleet
import FleetHost
import Foundation
import LabSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Blobs` {
  let path: String
  let bytes = Array("one\ntwo\nthree\n".utf8)
  var digest: Digest { Digest(of: bytes) }

  init() throws { path = try Lab.temporaryDirectory() }

  @Test func `are there once all pieces came`() throws {
    let folder = try BlobFolder(path)
    try folder.append(digest, at: 0, Array(bytes[..<5]))
    #expect(try folder.list().isEmpty)
    // A piece that came twice.
    try folder.append(digest, at: 0, Array(bytes[..<5]))
    try folder.append(digest, at: 5, Array(bytes[5...]))
    #expect(try folder.finish(digest))
    #expect(try folder.list() == [digest: UInt64(bytes.count)])
    #expect(try folder.read(digest, limit: 100) == bytes)
    #expect(try folder.read(digest, at: 4, count: 3) == Array(bytes[4..<7]))
    #expect(try folder.read(digest, at: 100, count: 3) == [])
    #expect(try folder.read(Digest(of: []), at: 0, count: 3) == nil)
    try folder.remove(digest)
    #expect(!folder.contains(digest))
  }

  @Test func `are not there if they have another hash`() throws {
    let folder = try BlobFolder(path)
    try folder.append(digest, at: 0, [1, 2, 3])
    #expect(try !folder.finish(digest))
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
  }

  @Test func `that were not finished are swept`() throws {
    try BlobFolder(path).append(digest, at: 0, bytes)
    let folder = try BlobFolder(path)
    #expect(try folder.list().isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
  }
}
