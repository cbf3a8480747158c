// The boot loader's count of tries (Automatic Boot Assessment, the UAPI group's boot loader specification):
// an image that has proven itself loses its counter, one that has not is given up after its last try.
import Kernel

/// The file of the image that was booted: `synbox_2+2-1.efi` is version 2, with two tries left and one made.
public struct BootCount: Hashable, Sendable {
  /// Below the ESP, for example `EFI/Linux`.
  public let directory: String
  public let file: String
  public let version: String
  /// The file's name without its counter.
  public var goodName: String { "\(Self.prefix)\(version).efi" }

  private static let prefix = "synbox_"
  /// Set by systemd-boot when the entry it starts has a counter.
  public static let variable = "LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// Reads the variable as efivarfs gives it: four bytes of attributes, then UTF-16LE with a NUL at its end.
  public init(variable bytes: [UInt8]) throws(Fault) {
    func wrong(_ what: String) -> Fault { Fault("the boot loader's LoaderBootCountPath \(what)") }
    guard bytes.count > 6, bytes.count <= 4 + 2 * 512, bytes.count % 2 == 0 else {
      throw wrong("has \(bytes.count) bytes")
    }
    let units = stride(from: 4, to: bytes.count, by: 2).map {
      UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
    }
    guard units.last == 0, !units.dropLast().contains(0),
      let path = String(validating: units.dropLast(), as: UTF16.self)
    else { throw wrong("is no text") }
    try self.init(path: path)
  }

  /// `\EFI\Linux\synbox_VERSION+LEFT-DONE.efi`.
  public init(path: String) throws(Fault) {
    func wrong(_ what: String) -> Fault {
      Fault("the boot loader's LoaderBootCountPath (\(FileName(path))) \(what)")
    }
    let parts = path.split(separator: "\\", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0].isEmpty, parts[1].lowercased() == "efi",
      parts[2].lowercased() == "linux"
    else { throw wrong(#"is not in \EFI\Linux"#) }
    let file = String(parts[3])
    guard file.hasPrefix(Self.prefix), file.lowercased().hasSuffix(".efi"),
      let plus = file.lastIndex(of: "+")
    else { throw wrong("is not synbox_VERSION+TRIES.efi") }
    let version = file[..<plus].dropFirst(Self.prefix.count)
    let counters = file[file.index(after: plus)...].dropLast(4)
      .split(separator: "-", omittingEmptySubsequences: false)
    guard 1...2 ~= counters.count, counters.allSatisfy({ UInt32(digits: $0) != nil }),
      Self.isVersion(version)
    else { throw wrong("is not synbox_VERSION+TRIES.efi") }
    directory = "EFI/Linux"
    self.file = file
    self.version = String(version)
  }

  /// What may stand in a version, so that it can be part of a file's name (the Version Format Specification).
  static func isVersion(_ text: some StringProtocol) -> Bool {
    1...64 ~= text.utf8.count && !text.hasPrefix(".")
      && text.unicodeScalars.allSatisfy {
        $0.isASCII
          && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
            || ".-_~^".unicodeScalars.contains($0))
      }
  }
}

extension UInt32 {
  /// Decimal digits alone; leading zeros are allowed, as the boot loader keeps them.
  fileprivate init?(digits text: some StringProtocol) {
    guard 1...9 ~= text.utf8.count, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    self.init(text)
  }
}

/// The image's name for itself: lines `KEY=value` (os-release(5)).
public struct ImageRelease: Hashable, Sendable {
  public let version: String

  public static let path = "/etc/synbox/os-release"

  /// Throws a `Fault` when it names no version.
  public init(_ bytes: [UInt8], file: String) throws(Fault) {
    var values: [Substring: Substring] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      let value = line[line.index(after: equals)...]
      values[line[..<equals]] =
        value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 1
        ? value.dropFirst().dropLast() : value
    }
    guard let version = values["IMAGE_VERSION"] ?? values["VERSION_ID"], BootCount.isVersion(version)
    else { throw Fault("\(file) has no IMAGE_VERSION", remedy: "Build the image anew") }
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

/// What marking an image as good came to.
public enum BootMark: Hashable, Sendable {
  /// The boot was not counted: nothing is to be done.
  case notCounted
  /// The file has the name without a counter now, or had it.
  case good(String)
  /// Another image was counted than the one that runs, which came up by another way: the counted one must not
  /// be marked, for it did not start.
  case other(String)

  /// - Parameters:
  ///   - variable: LoaderBootCountPath; nil where there is none.
  ///   - version: of the image that runs.
  ///   - rename: what is done with the ESP mounted, if anything.
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
  /// Renames the file on the mounted ESP. One that has its good name already stays.
  public func markGood(on esp: String) throws(Fault) {
    let path = "\(esp)/\(directory)"
    if Files.kind(of: "\(path)/\(file)") == nil, Files.kind(of: "\(path)/\(goodName)") == .file {
      return
    }
    guard Files.kind(of: "\(path)/\(goodName)") == nil else {
      throw Fault("\(path) has both \(file) and \(goodName): neither is touched")
    }
    try Files.renameLasting(file, to: goodName, in: path)
  }
}
