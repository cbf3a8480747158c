// An image of the profile `lab` and the site `lab` with a management service, built once for all tests that only read it.
import Foundation
import LabSupport

/// The output of one `synimage build`.
struct BuiltImage: Sendable {
  let fixture: BuildFixture
  let outcome: Outcome
  var directory: URL { fixture.output }
  var image: URL { directory.appending(path: "synbox.img") }

  static let shared = Result { try BuiltImage() }

  private init() throws {
    fixture = try BuildFixture()
    try fixture.addService()
    outcome = try fixture.build(["--manage", BuildFixture.manage])
    guard outcome.status == 0 else { throw LabError("cannot build the image: \(outcome.errors)") }
  }

  func manifest() throws -> [String: Any] {
    try JSON.object(try Data(contentsOf: directory.appending(path: "synbox.manifest.json")))
  }

  /// Returns a writable copy of the image.
  func copy() throws -> URL {
    let copy = fixture.root.appending(path: "copy-\(UUID().uuidString).img")
    let outcome = try run(["cp", "--sparse=always", image.path, copy.path])
    guard outcome.status == 0 else { throw LabError(outcome.errors) }
    return copy
  }

  /// Unpacks the initramfs and returns the directory.
  func unpackedRoot() throws -> URL {
    let root = fixture.root.appending(path: "root-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    let archive = directory.appending(path: "image/initramfs.cpio.zst").path
    let outcome = try run([
      "bash", "-c", "set -o pipefail; zstd -dc \"$1\" | cpio --quiet -idm -D \"$2\"", "-", archive,
      root.path,
    ])
    guard outcome.status == 0 else { throw LabError(outcome.errors) }
    return root
  }

  /// Returns the offset of a partition in bytes.
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
      throw LabError("expected a JSON object")
    }
    return object
  }
}
