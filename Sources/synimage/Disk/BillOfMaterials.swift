// The software bill of materials: SPDX 2.3 (ISO/IEC 5962), JSON.
import Foundation
import Kernel

/// `synbox.spdx.json`: what an image is made of, by name and version.
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

  init(_ plan: BuildPlan, _ identity: Identity, swiftPackages: String) throws {
    var packages = try plan.packageNames.sorted().map { name in
      let package = try plan.lock.package(name)
      return Package(
        name: name, version: package.version,
        url: Self.debianURL(name, package.version, package.architecture), sha256: package.sha256,
        supplier: "Organization: Debian")
    }
    packages += try Self.linkedLibraries(file: plan.data.packages)
    packages += try Self.swift(record: swiftPackages)
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
      "packages": ([product] + packages).map(Self.json),
      "relationships": [
        Self.relation("SPDXRef-DOCUMENT", "DESCRIBES", Self.identifier(product))
      ] + packages.map { Self.relation(Self.identifier(product), "CONTAINS", Self.identifier($0)) },
    ]
  }

  func write(to path: String) throws {
    let data = try JSONSerialization.data(
      withJSONObject: document, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    try Output.write([UInt8](data) + [0x0a], to: path)
  }

  // MARK: Where the versions come from

  /// What is linked into the program, by the packages of this machine that it was linked from.
  private static func linkedLibraries(file: String) throws -> [Package] {
    let names = try WantedPackages(file: file).linked
    return try names.map { name in
      let outcome = try Tool(
        "dpkg-query", ["--show", "--showformat=${Version} ${Architecture}", name]
      ).run()
      let fields = outcome.output.split(separator: " ").map(String.init)
      guard fields.count == 2 else { throw Fault("dpkg-query knows no version of \(name)") }
      return Package(
        name: name, version: fields[0], url: debianURL(name, fields[0], fields[1]), sha256: nil,
        supplier: "Organization: Debian")
    }
  }

  private struct WorkspaceState: Decodable {
    struct Object: Decodable { let dependencies: [Dependency] }
    struct Dependency: Decodable {
      struct Reference: Decodable {
        let identity: String
        let location: String
      }
      struct State: Decodable { let checkoutState: Checkout? }
      struct Checkout: Decodable {
        let revision: String
        let version: String?
      }
      let packageRef: Reference
      let state: State
    }
    let object: Object
  }

  /// Swift itself, whose library is linked in, and the Swift packages, by SwiftPM's record.
  private static func swift(record: String) throws -> [Package] {
    let state: WorkspaceState
    do {
      state = try JSONDecoder().decode(WorkspaceState.self, from: Data(try Files.read(record)))
    } catch let error as DecodingError {
      throw Fault("\(record) is not SwiftPM's record of its packages", detail: "\(error)")
    }
    var packages = state.object.dependencies.map { dependency in
      let checkout = dependency.state.checkoutState
      let version = checkout?.version ?? checkout?.revision ?? "unknown"
      return Package(
        name: dependency.packageRef.identity, version: version,
        url: "pkg:swift/\(dependency.packageRef.location.replacing("https://", with: ""))@\(version)",
        sha256: nil, supplier: "NOASSERTION")
    }
    packages.sort { $0.name < $1.name }
    let version = swiftVersion
    return packages + [
      Package(
        name: "swift", version: version, url: "pkg:github/swiftlang/swift@\(version)", sha256: nil,
        supplier: "NOASSERTION")
    ]
  }

  // MARK: JSON

  private static func debianURL(_ name: String, _ version: String, _ architecture: String) -> String {
    let allowed = CharacterSet(charactersIn: "-._~").union(.alphanumerics)
    let escaped = version.addingPercentEncoding(withAllowedCharacters: allowed) ?? version
    let escapedName = name.addingPercentEncoding(withAllowedCharacters: allowed) ?? name
    return "pkg:deb/debian/\(escapedName)@\(escaped)?arch=\(architecture)"
  }

  /// Letters, digits, dots and hyphens alone.
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

/// The compiler that built this program, and the box's beside it.
private let swiftVersion: String = {
  #if compiler(>=6.4)
    "6.4"
  #elseif compiler(>=6.3)
    "6.3"
  #else
    "6.2"
  #endif
}()
