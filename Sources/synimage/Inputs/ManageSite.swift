// What a site says of the management service: manage.toml and the files that it names.
import Init
import Kernel
import Manage
import Plan

/// The part of a site that is for `synbox-manage`.
struct ManageSite {
  static let name = "manage.toml"
  /// manage.toml, and the files beside it that it names.
  let files: [String]

  /// Reads manage.toml with the reader of the service, and lets the program that goes into the image check it and what it
  /// names.
  ///
  /// - Throws: `InputError` or `SiteCheckError` for a mistake, a `Fault` if a file cannot be read.
  init(directory: String, box: BoxSettings, program: String?) throws {
    let file = "\(directory)/\(Self.name)"
    func refuse(_ found: String, _ expected: String) -> InputError {
      InputError(file, found: found, expected: expected)
    }
    guard let program else {
      throw refuse("a management service", "no such file without the option --manage of this command")
    }
    guard box.management != nil else {
      throw refuse("a management service without a NIC", "a section [management] in box.toml")
    }
    let settings = try ManageSettings(try Files.read(file), file: file)
    guard settings.data == "/data" else {
      throw refuse("data = \"\(settings.data)\"", "\"/data\", where init mounts the data partition")
    }
    guard settings.listen.map(\.description) == [Self.place] else {
      throw refuse(
        "listen = \(settings.listen.map(\.description))",
        "[\"\(Self.place)\"], where PID 1 opens the socket")
    }
    guard settings.certificate == nil, settings.key == nil else {
      throw refuse(
        "a private key", "neither certificate nor key: the box makes its own, and no image holds one")
    }
    guard !settings.inBand, settings.user == nil else {
      throw refuse("in-band or user", "neither: an image has one user and one NIC for the service")
    }
    var files = [Self.name]
    let named: [(String, String?)] = [("tokens", settings.tokens), ("client-ca", settings.clientCA)]
    for (key, path) in named {
      guard let path else { continue }
      // The reader has put the directory before a name.
      let name = path.hasPrefix("\(directory)/") ? String(path.dropFirst(directory.count + 1)) : path
      guard !name.hasPrefix("."), !name.contains("/"), !Site.ownNames.contains(name) else {
        throw refuse("\(key) = \"\(name)\"", "the name of a file beside manage.toml")
      }
      if !files.contains(name) { files.append(name) }
    }
    self.files = files
    try Self.check(directory, files, with: program)
  }

  private static let place = "\(ManagementSettings.name):\(ListenPlace.standardPort)"

  private static func check(_ directory: String, _ files: [String], with program: String) throws {
    for name in files {
      let text = String(decoding: try Files.read("\(directory)/\(name)", limit: 1 << 20), as: UTF8.self)
      guard !text.contains("PRIVATE KEY-----") else {
        throw InputError(
          "\(directory)/\(name)", found: "a private key",
          expected: "none, because everybody may read an image")
      }
    }
    try Site.check("\(directory)/\(Self.name)", with: program)
  }
}
