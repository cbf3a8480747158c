// What a site says of the agent of a fleet: agent.toml.
import Init
import Kernel
import Plan
import Settings

/// The part of a site that is for `synbox-agent`.
enum AgentSite {
  static let name = "agent.toml"
  /// Where `synimage identity` puts the box's identity: no image holds a private key.
  static let identity = "/data/identity"

  /// Checks agent.toml by its program, and what the image needs of it.
  ///
  /// - Throws: `InputError` or `SiteCheckError` for a mistake, a `Fault` if the file cannot be read.
  static func check(directory: String, box: BoxSettings, program: String?) throws {
    let file = "\(directory)/\(name)"
    guard let program else {
      throw InputError(
        file, found: "an agent", expected: "no such file without the option --agent of this command")
    }
    guard box.management != nil else {
      throw InputError(
        file, found: "an agent without a NIC", expected: "a section [management] in box.toml")
    }
    try Site.check(file, with: program, ["--configuration-only"])
    let table = try StrictTable(file: file, known: ["data", "identity", "shards", "user"])
    for (key, value, reason) in [
      ("data", "/data", "where init mounts the data partition"),
      ("identity", identity, "where synimage identity puts it"),
    ] where table[key]?.value.string != value {
      throw table.error(
        key, found: table[key]?.value.shown ?? "no \(key)", expected: "\"\(value)\", \(reason)")
    }
    guard table["user"] == nil else {
      throw table.error("user", found: "a user", expected: "no such key: an image has one user for it")
    }
  }
}
