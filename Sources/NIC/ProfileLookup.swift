// Which profile an interface gets.
import Kernel

extension InterfaceProfile {
  /// The largest file that can be a profile is read and no more.
  /// Throws `ProfileError` for its contents, `Fault` when it cannot be read.
  public init(path: String) throws {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try SmallFile.read(path, limit: Self.maximumSize)
    } catch {
      throw Fault("cannot read the NIC profile \(path)", cause: error)
    }
    try self.init(toml: bytes, file: path)
  }

  /// The profile for a driver out of a directory: `DRIVER.toml`, else `default.toml`.
  /// Throws as `init(path:)`; a `Fault` when the directory has neither.
  public static func lookUp(driver: String?, in directory: String) throws -> InterfaceProfile {
    let names: [String]
    do throws(Errno) {
      names = try SmallFile.names(in: directory)
    } catch {
      throw Fault("cannot read the directory of NIC profiles \(directory)", cause: error)
    }
    // The driver's name comes from the kernel, but it becomes part of a path: it must be one of the names.
    let candidates = [driver.map { "\($0).toml" }, "default.toml"].compactMap { $0 }
    guard let name = candidates.first(where: names.contains) else {
      throw Fault(
        "\(directory) has no NIC profile for \(driver ?? "this interface")",
        remedy: "Put \(candidates.joined(separator: " or ")) there")
    }
    return try InterfaceProfile(path: "\(directory)/\(name)")
  }
}

/// The profiles of netconfig/ as they were when the binary was built.
public enum BuiltInProfiles {
  /// The drivers that have one, sorted; `default` is for all others.
  public static var drivers: [String] { EmbeddedProfiles.texts.keys.sorted() }

  /// The profile for a driver, else the default one. A test reads every one of them, so that this cannot
  /// fail in the field.
  public static func profile(driver: String?) throws(ProfileError) -> InterfaceProfile {
    let texts = EmbeddedProfiles.texts
    let name = driver.flatMap { texts[$0] == nil ? nil : $0 } ?? "default"
    return try InterfaceProfile(toml: texts[name] ?? "", file: "built-in \(name).toml")
  }
}
