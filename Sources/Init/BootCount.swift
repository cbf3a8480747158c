// Boot counting (systemd's Automatic Boot Assessment; Boot Loader Specification of the UAPI Group). A UKI that is marked
// good loses its counter; the boot loader gives up one that is not after its last try.
import Kernel

/// The boot counter in the name of the booted UKI: `synbox_2+2-1.efi` is version 2, with two tries left and one done.
public struct BootCount: Hashable, Sendable {
  /// Relative to the root of the ESP, for example `EFI/Linux`.
  public let directory: String
  public let file: String
  public let version: String
  /// The name of the file without its counter.
  public var goodName: String { "\(Self.prefix)\(version).efi" }

  private static let prefix = "synbox_"
  /// The EFI variable that systemd-boot sets when the entry it starts has a counter.
  public static let variable = "LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// Parses the variable as read from efivarfs: four bytes of attributes, then UTF-16LE text with a terminating NUL.
  public init(variable bytes: [UInt8]) throws(Fault) {
    func invalid(_ problem: String) -> Fault {
      Fault("the EFI variable LoaderBootCountPath \(problem)")
    }
    guard bytes.count > 6, bytes.count <= 4 + 2 * 512, bytes.count % 2 == 0 else {
      throw invalid("has \(bytes.count) bytes")
    }
    let units = stride(from: 4, to: bytes.count, by: 2).map {
      UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
    }
    guard units.last == 0, !units.dropLast().contains(0),
      let path = String(validating: units.dropLast(), as: UTF16.self)
    else { throw invalid("is not UTF-16 text") }
    try self.init(path: path)
  }

  /// Parses `\EFI\Linux\synbox_VERSION+LEFT-DONE.efi`.
  public init(path: String) throws(Fault) {
    func invalid(_ problem: String) -> Fault {
      Fault("the EFI variable LoaderBootCountPath (\(FileName(path))) \(problem)")
    }
    let parts = path.split(separator: "\\", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0].isEmpty, parts[1].lowercased() == "efi",
      parts[2].lowercased() == "linux"
    else { throw invalid(#"is not in \EFI\Linux"#) }
    let file = String(parts[3])
    guard file.hasPrefix(Self.prefix), file.lowercased().hasSuffix(".efi"),
      let plus = file.lastIndex(of: "+")
    else { throw invalid("is not named synbox_VERSION+TRIES.efi") }
    let version = file[..<plus].dropFirst(Self.prefix.count)
    let counters = file[file.index(after: plus)...].dropLast(4)
      .split(separator: "-", omittingEmptySubsequences: false)
    guard 1...2 ~= counters.count, counters.allSatisfy({ UInt32(digits: $0) != nil }),
      Self.isValidVersion(version)
    else { throw invalid("is not named synbox_VERSION+TRIES.efi") }
    directory = "EFI/Linux"
    self.file = file
    self.version = String(version)
  }

  /// Returns whether the text is a version that can be part of a file name (UAPI Group, Version Format
  /// Specification).
  static func isValidVersion(_ text: some StringProtocol) -> Bool {
    1...64 ~= text.utf8.count && !text.hasPrefix(".")
      && text.unicodeScalars.allSatisfy {
        $0.isASCII
          && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
            || ".-_~^".unicodeScalars.contains($0))
      }
  }
}

extension UInt32 {
  /// Accepts decimal digits only. Leading zeros are allowed because systemd-boot keeps them.
  fileprivate init?(digits text: some StringProtocol) {
    guard 1...9 ~= text.utf8.count, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    self.init(text)
  }
}

/// The identification of the running image: os-release(5).
public struct ImageRelease: Hashable, Sendable {
  public let version: String

  public static let path = "/etc/synbox/os-release"

  /// Throws a `Fault` if there is no valid version.
  public init(_ bytes: [UInt8], file: String) throws(Fault) {
    var values: [Substring: Substring] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      let value = line[line.index(after: equals)...]
      values[line[..<equals]] =
        value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 1
        ? value.dropFirst().dropLast() : value
    }
    guard let version = values["IMAGE_VERSION"] ?? values["VERSION_ID"],
      BootCount.isValidVersion(version)
    else { throw Fault("\(file) has no valid IMAGE_VERSION", remedy: "Build the image again") }
    self.version = String(version)
  }

  public init(path: String) throws(Fault) {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try SmallFile.read(path, limit: 4096)
    } catch {
      throw Fault("cannot read \(path)", cause: error)
    }
    try self.init(bytes, file: path)
  }
}

/// The outcome of marking a UKI good.
public enum BootMark: Hashable, Sendable {
  /// The boot was not counted, so there is nothing to do.
  case notCounted
  /// The file has this name, without a counter.
  case good(String)
  /// The boot loader counted this version, but another one runs. The counted one must not be marked good, because it
  /// did not start.
  case other(String)

  /// Calls `rename` if the running image is the counted one.
  ///
  /// - Parameters:
  ///   - variable: LoaderBootCountPath; nil if it does not exist.
  ///   - version: The version of the running image.
  ///   - rename: Renames the file on the ESP.
  public static func decide(
    variable: [UInt8]?, version: String, rename: (BootCount) throws(Fault) -> Void
  ) throws(Fault) -> BootMark {
    guard let variable else { return .notCounted }
    let count = try BootCount(variable: variable)
    guard count.version == version else { return .other(count.version) }
    try rename(count)
    return .good(count.goodName)
  }
}

extension BootCount {
  /// Renames the file on the ESP mounted at `esp`. Does nothing if that was done before.
  public func markGood(on esp: String) throws(Fault) {
    let path = "\(esp)/\(directory)"
    if Files.kind(of: "\(path)/\(file)") == nil, Files.kind(of: "\(path)/\(goodName)") == .file {
      return
    }
    guard Files.kind(of: "\(path)/\(goodName)") == nil else {
      throw Fault("\(path) has both \(file) and \(goodName): neither is changed")
    }
    try Files.renameDurably(file, to: goodName, in: path)
  }
}
