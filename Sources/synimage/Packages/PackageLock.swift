// image/packages.lock: which Debian packages an image is made of, to the byte.
import Kernel
import NIC
import TOMLKit

/// One Debian package, as its archive's signed index described it.
struct LockedPackage: Hashable {
  let name: String
  let version: String
  let architecture: String
  /// SUITE/COMPONENT.
  let from: String
  /// The path below the mirror, as in the index.
  let file: String
  /// Bytes.
  let size: Int
  /// Of the .deb, 64 hexadecimal digits.
  let sha256: String
}

/// The packages of an image.
struct PackageLock {
  /// For messages.
  let path: String
  /// The kernel's release, as `uname -r` says it.
  let kernel: String
  let packages: [LockedPackage]

  static let refresh = "`make image-lock` takes what is there now"

  init(path: String, kernel: String, packages: [LockedPackage]) {
    self.path = path
    self.kernel = kernel
    self.packages = packages
  }

  /// Throws `ProfileError` for what is wrong in it, `Fault` when it cannot be read.
  init(path: String) throws {
    let table = try StrictTable(file: path, known: ["kernel", "package"])
    self.path = path
    kernel = try table.required("kernel", "a kernel's release")
    // It becomes part of paths.
    guard kernel.wholeMatch(of: /[0-9A-Za-z][0-9A-Za-z.+_-]*/) != nil else {
      throw table.error(
        "kernel", found: TOMLDocument.shown(kernel), expected: "a kernel's release as uname -r has it")
    }
    packages = try table.sections(
      "package", known: ["name", "version", "architecture", "from", "file", "size", "sha256"]
    ).map(Self.package)
    for package in packages where packages.filter({ $0.name == package.name }).count > 1 {
      throw table.error("package", found: "\(package.name) twice", expected: "each package once")
    }
  }

  private static func package(_ table: StrictTable) throws -> LockedPackage {
    let digits = try table.required("sha256", "64 hexadecimal digits")
    guard digits.wholeMatch(of: /[0-9a-f]{64}/) != nil else {
      throw table.error(
        "sha256", found: TOMLDocument.shown(digits), expected: "64 hexadecimal digits in lower case")
    }
    let file = try table.required("file", "a path below the mirror")
    guard file.hasPrefix("pool/"), !file.split(separator: "/").contains("..") else {
      throw table.error("file", found: TOMLDocument.shown(file), expected: "a path such as pool/main/…")
    }
    guard let size = try table.number("size", 1...(1 << 32)) else {
      throw table.missing("size", "bytes")
    }
    let name = try table.required("name", "a package's name")
    // Debian policy, section 5.6.7; it becomes part of paths.
    guard name.wholeMatch(of: /[a-z0-9][a-z0-9+.-]+/) != nil else {
      throw table.error("name", found: TOMLDocument.shown(name), expected: "a package's name")
    }
    return LockedPackage(
      name: name, version: try table.required("version", "a version"),
      architecture: try table.required("architecture", "an architecture"),
      from: try table.required("from", "SUITE/COMPONENT"), file: file, size: size, sha256: digits)
  }

  /// The package of a name. Throws a `Refusal` where the lock has none.
  func package(_ name: String) throws -> LockedPackage {
    guard let package = packages.first(where: { $0.name == name }) else {
      throw Refusal(
        path, found: "no package \(name)", expected: "one: \(Self.refresh)")
    }
    return package
  }

  /// The three that make a kernel: its image, its modules, and what depmod must know.
  var kernelPackages: (binary: String, modules: String, base: String) {
    ("linux-binary-\(kernel)", "linux-modules-\(kernel)", "linux-base-\(kernel)")
  }

  /// As the file has it.
  var text: String {
    var text =
      "# Made by `make image-lock` from Debian's signed indexes; what it looks for is in packages.toml.\n"
    text += "kernel = \"\(kernel)\"\n"
    for package in packages {
      text += """

        [[package]]
        name = "\(package.name)"
        version = "\(package.version)"
        architecture = "\(package.architecture)"
        from = "\(package.from)"
        file = "\(package.file)"
        size = \(package.size)
        sha256 = "\(package.sha256)"

        """
    }
    return text
  }
}
