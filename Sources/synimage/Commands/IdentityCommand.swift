// `synimage identity` copies a box's identity in a fleet to a disk that is not in use.
import ArgumentParser
import Foundation
import Kernel
import Plan

struct IdentityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identity", abstract: "Copy a box's identity in a fleet to a disk that is not in use.",
    discussion: """
      Images are public and alike, so that no private key lies in one: each disk gets its own, on the data partition. \
      synboxctl fleet init makes it, as DIR/boxes/NAME.
      """)

  @Argument(help: "Image or disk.")
  var image: String
  @Argument(help: "Directory of the identity.", completion: .directory)
  var directory: String

  /// What `synboxctl fleet init` makes for a box.
  static let names = [
    "ca.crt", "client.crt", "client.key", "deny.pub", "fleet.pub", "identity.key", "name", "servers",
    "submit.pub", "tls-name",
  ]

  func run() throws {
    let found = try? FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    guard found == Self.names else {
      throw InputError(
        directory, found: found.map { $0.joined(separator: ", ") } ?? "no directory",
        expected: "a box's identity: \(Self.names.joined(separator: ", "))")
    }
    for name in Self.names { _ = try Files.read("\(directory)/\(name)", limit: 1 << 20) }
    let data = try DataPartition(image: image)
    try data.recover()
    try data.makeDirectory("/identity", mode: 0o700)
    for name in Self.names {
      try data.write(
        "\(directory)/\(name)", to: "/identity", as: name, mode: 0o600, isReplacing: true)
    }
    try data.recover()
  }
}
