// Finding the profile for an interface.
import Kernel
import Plan

extension InterfaceProfile {
  /// Reads a profile from a file. Throws a `InputError` if it is invalid, a `Fault` if it cannot be read or is larger
  /// than `maximumSize`.
  public init(path: String) throws {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try SmallFile.read(path, limit: Self.maximumSize)
    } catch {
      throw Fault("cannot read the NIC profile \(path)", cause: error)
    }
    try self.init(toml: bytes, file: path)
  }

  /// Returns the profile for a driver from a directory: `DRIVER.toml`, or else `default.toml`. Throws as `init(path:)`,
  /// and a `Fault` if the directory has neither.
  public static func lookUp(driver: String?, in directory: String) throws -> InterfaceProfile {
    let names: [String]
    do throws(Errno) {
      names = try SmallFile.names(in: directory)
    } catch {
      throw Fault("cannot read the directory of NIC profiles \(directory)", cause: error)
    }
    // The driver's name must match a file of the directory before it becomes part of a path.
    let candidates = [driver.map { "\($0).toml" }, "default.toml"].compactMap { $0 }
    guard let name = candidates.first(where: names.contains) else {
      throw Fault(
        "\(directory) has no NIC profile for \(driver ?? "this interface")",
        remedy: "Add \(candidates.joined(separator: " or "))")
    }
    return try InterfaceProfile(path: "\(directory)/\(name)")
  }
}

/// The profiles of netconfig/, compiled into the program.
public enum BuiltInProfiles {
  /// The drivers that have a profile, sorted, and `default`.
  public static var drivers: [String] { EmbeddedProfiles.texts.keys.sorted() }

  /// Returns the profile for a driver, or else the default one. Does not fail in practice, because a test parses all of
  /// them.
  public static func profile(driver: String?) throws(InputError) -> InterfaceProfile {
    let texts = EmbeddedProfiles.texts
    let name = driver.flatMap { texts[$0] == nil ? nil : $0 } ?? "default"
    return try InterfaceProfile(toml: texts[name] ?? "", file: "built-in \(name).toml")
  }
}
