// image/packages.lock: the exact Debian packages that go into an image.
import Kernel
import Plan
import Settings

/// A Debian package, as described by the signed index.
struct LockedPackage: Hashable {
  let name: String
  let version: String
  let architecture: String
  /// SUITE/COMPONENT.
  let from: String
  /// The path relative to the mirror.
  let file: String
  /// In bytes.
  let size: Int
  /// The SHA-256 of the .deb, in lower-case hexadecimal.
  let sha256: String
}

/// The pinned packages.
struct PackageLock {
  /// The path of the lock, for messages.
  let path: String
  /// The kernel release, as `uname -r` prints it.
  let kernel: String
  let packages: [LockedPackage]

  static let refreshHint = "`make image-lock` pins the current version"

  init(path: String, kernel: String, packages: [LockedPackage]) {
    self.path = path
    self.kernel = kernel
    self.packages = packages
  }

  /// - Throws: `InputError` for invalid contents, a `Fault` if the file cannot be read.
  init(path: String) throws {
    let table = try StrictTable(file: path, known: ["kernel", "package"])
    self.path = path
    kernel = try table.required("kernel", "a kernel release")
    // The release becomes part of paths.
    guard kernel.wholeMatch(of: /[0-9A-Za-z][0-9A-Za-z.+_-]*/) != nil else {
      throw table.error(
        "kernel", found: TOMLValue.quoted(kernel), expected: "a kernel release as uname -r prints it")
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
        "sha256", found: TOMLValue.quoted(digits), expected: "64 hexadecimal digits in lower case")
    }
    let file = try table.required("file", "a path below the mirror")
    guard file.hasPrefix("pool/"), !file.split(separator: "/").contains("..") else {
      throw table.error("file", found: TOMLValue.quoted(file), expected: "a path such as pool/main/…")
    }
    guard let size = try table.number("size", 1...(1 << 32)) else {
      throw table.missing("size", "the size in bytes")
    }
    let name = try table.required("name", "a package name")
    // Debian policy, section 5.6.7. The name becomes part of paths.
    guard name.wholeMatch(of: /[a-z0-9][a-z0-9+.-]+/) != nil else {
      throw table.error("name", found: TOMLValue.quoted(name), expected: "a package name")
    }
    return LockedPackage(
      name: name, version: try table.required("version", "a version"),
      architecture: try table.required("architecture", "an architecture"),
      from: try table.required("from", "SUITE/COMPONENT"), file: file, size: size, sha256: digits)
  }

  /// Returns the package of a name.
  ///
  /// - Throws: `InputError` if the lock does not have it.
  func package(_ name: String) throws -> LockedPackage {
    guard let package = packages.first(where: { $0.name == name }) else {
      throw InputError(
        path, found: "no package \(name)", expected: "an entry for it (\(Self.refreshHint))")
    }
    return package
  }

  /// The packages of the kernel: its image, its modules, and modules.builtin for depmod.
  var kernelPackages: (binary: String, modules: String, base: String) {
    ("linux-binary-\(kernel)", "linux-modules-\(kernel)", "linux-base-\(kernel)")
  }

  /// The contents of the file.
  var text: String {
    var text =
      "# Written by `make image-lock` from Debian's signed indexes. packages.toml names the packages.\n"
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
