// One image of the lab's profile and site, built once for all tests that only look at it.
import Foundation
import LabSupport

/// What `synimage build` left, and what it is made of.
struct BuiltImage: Sendable {
  let shop: Workshop
  let outcome: Outcome
  var directory: URL { shop.output }
  var image: URL { directory.appending(path: "synbox.img") }

  static let shared = Result { try BuiltImage() }

  private init() throws {
    shop = try Workshop()
    outcome = try shop.build()
    guard outcome.status == 0 else { throw LabError("cannot build the image: \(outcome.errors)") }
  }

  func manifest() throws -> [String: Any] {
    try JSON.object(try Data(contentsOf: directory.appending(path: "synbox.manifest.json")))
  }

  /// A copy to write to.
  func copy() throws -> URL {
    let copy = shop.root.appending(path: "copy-\(UUID().uuidString).img")
    let outcome = try run(["cp", "--sparse=always", image.path, copy.path])
    guard outcome.status == 0 else { throw LabError(outcome.errors) }
    return copy
  }

  /// The initramfs as the kernel unpacks it.
  func unpackedRoot() throws -> URL {
    let root = shop.root.appending(path: "root-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    let archive = directory.appending(path: "image/initramfs.cpio.zst").path
    let outcome = try run([
      "bash", "-c", "set -o pipefail; zstd -dc \"$1\" | cpio --quiet -idm -D \"$2\"", "-", archive,
      root.path,
    ])
    guard outcome.status == 0 else { throw LabError(outcome.errors) }
    return root
  }

  /// Where a partition begins, in bytes.
  func start(of label: String) throws -> Int {
    let partitions = try manifest()["partitions"] as? [[String: Any]] ?? []
    guard let start = partitions.first(where: { $0["name"] as? String == label })?["start"] as? Int
    else {
      throw LabError("no partition \(label)")
    }
    return start
  }
}

enum JSON {
  static func object(_ data: Data) throws -> [String: Any] {
    guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw LabError("no JSON object")
    }
    return object
  }
}
