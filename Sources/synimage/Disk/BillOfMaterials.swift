// The software bill of materials: SPDX 2.3 (ISO/IEC 5962), JSON.
import Foundation
import Kernel

/// `synbox.spdx.json`: every package in an image, with its version and where it came from.
struct BillOfMaterials {
  private struct Package {
    let name: String
    let version: String
    /// Package URL (purl specification).
    let url: String
    let sha256: String?
    let supplier: String
  }

  private let document: [String: Any]

  init(_ plan: BuildPlan, _ identity: Identity) throws {
    var packages = try plan.packageNames.sorted().map { name in
      let package = try plan.lock.package(name)
      return Package(
        name: name, version: package.version,
        url: Self.debianURL(name, package.version, package.architecture), sha256: package.sha256,
        supplier: "Organization: Debian")
    }
    packages += try Self.linkedLibraries(file: plan.data.packages)
    let components = try Self.components(of: plan.program)
    packages += components.contained
    for program in [plan.manage, plan.agent].compactMap(\.self) {
      let more = try Self.components(of: program).contained
      packages += more.filter { one in !packages.contains { $0.name == one.name } }
    }
    let product = Package(
      name: "synbox", version: "\(identity.version) (\(identity.revision))",
      url: "pkg:generic/synbox@\(identity.version)", sha256: try FileTree.sha256(of: plan.program),
      supplier: "NOASSERTION")
    let date = Date(timeIntervalSince1970: Double(identity.epoch)).formatted(.iso8601)
    let name = "synbox-\(identity.version)-\(plan.profile.name)-\(plan.site.name)"
    let hash = FileTree.sha256(of: Array("\(name) \(identity.revision) \(plan.lock.text)".utf8)[...])
    document = [
      "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
      "documentNamespace": "https://spdx.org/spdxdocs/\(name)-\(hash)",
      "creationInfo": ["created": date, "creators": ["Tool: synimage"]],
      "packages": ([product] + packages + components.tools).map(Self.json),
      "relationships": [
        Self.relation("SPDXRef-DOCUMENT", "DESCRIBES", Self.identifier(product))
      ] + packages.map { Self.relation(Self.identifier(product), "CONTAINS", Self.identifier($0)) }
        + components.tools.map {
          Self.relation(Self.identifier($0), "BUILD_TOOL_OF", Self.identifier(product))
        },
    ]
  }

  func write(to path: String) throws {
    let data = try JSONSerialization.data(
      withJSONObject: document, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    try Output.write([UInt8](data) + [0x0a], to: path)
  }

  // MARK: Versions

  /// The static C and C++ libraries in the program, as Debian packages of the build machine.
  private static func linkedLibraries(file: String) throws -> [Package] {
    let names = try WantedPackages(file: file).linkedPackages
    return try names.map { name in
      let outcome = try Tool(
        "dpkg-query", ["--show", "--showformat=${Version} ${Architecture}", name]
      ).run()
      let fields = outcome.output.split(separator: " ").map(String.init)
      guard fields.count == 2 else { throw Fault("dpkg-query reports no version of \(name)") }
      return Package(
        name: name, version: fields[0], url: debianURL(name, fields[0], fields[1]), sha256: nil,
        supplier: "Organization: Debian")
    }
  }

  /// The Swift packages in a program, and the compilers, as the program itself reports them (`synbox version`,
  /// `synbox-manage version`): one component per line, `NAME VERSION`, with a URL if it is a Swift package.
  private static func components(of program: String) throws -> (contained: [Package], tools: [Package])
  {
    let lines = try Tool(program, ["version"]).run().output.split(separator: "\n").dropFirst()
    let fields = lines.map { $0.split(separator: " ").map(String.init) }
    var contained = fields.filter { $0.count == 3 }.map { component in
      let location = component[2].replacing("https://", with: "")
      return Package(
        name: component[0].lowercased(), version: component[1],
        url: "pkg:swift/\(location)@\(component[1])", sha256: nil, supplier: "NOASSERTION")
    }
    func version(_ name: String) throws -> String {
      guard let component = fields.first(where: { $0.count == 2 && $0[0] == name }) else {
        throw Fault("`\(program) version` does not print the version of \(name)")
      }
      return component[1]
    }
    // The Swift runtime is linked in. clang compiles the BPF programs and adds no code of its own.
    let swift = try version("Swift")
    contained.append(
      Package(
        name: "swift", version: swift, url: "pkg:github/swiftlang/swift@swift-\(swift)-RELEASE",
        sha256: nil, supplier: "NOASSERTION"))
    let clang = Package(
      name: "clang", version: try version("clang"),
      url: "pkg:github/swiftlang/llvm-project@swift-\(swift)-RELEASE", sha256: nil,
      supplier: "NOASSERTION")
    return (contained.sorted { $0.name < $1.name }, [clang])
  }

  // MARK: JSON

  private static func debianURL(_ name: String, _ version: String, _ architecture: String) -> String {
    let allowed = CharacterSet(charactersIn: "-._~").union(.alphanumerics)
    let escaped = version.addingPercentEncoding(withAllowedCharacters: allowed) ?? version
    let escapedName = name.addingPercentEncoding(withAllowedCharacters: allowed) ?? name
    return "pkg:deb/debian/\(escapedName)@\(escaped)?arch=\(architecture)"
  }

  /// SPDX allows letters, digits, dots and hyphens in an identifier.
  private static func identifier(_ package: Package) -> String {
    "SPDXRef-Package-" + package.name.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }
  }

  private static func json(_ package: Package) -> [String: Any] {
    var fields: [String: Any] = [
      "SPDXID": identifier(package), "name": package.name, "versionInfo": package.version,
      "supplier": package.supplier, "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
      "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
      "copyrightText": "NOASSERTION",
      "externalRefs": [
        [
          "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
          "referenceLocator": package.url,
        ]
      ],
    ]
    if let sha256 = package.sha256 {
      fields["checksums"] = [["algorithm": "SHA256", "checksumValue": sha256]]
    }
    return fields
  }

  private static func relation(_ from: String, _ type: String, _ to: String) -> [String: String] {
    ["spdxElementId": from, "relationshipType": type, "relatedSpdxElement": to]
  }
}
