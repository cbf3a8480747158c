// Which box, and as whom: the options that every command has which talks to one.
import ArgumentParser
import BoxClient
import Kernel
import Manage
import Plan
import Support

/// Options that contradict each other, or of which one is missing.
struct UsageError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

struct BoxOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Address of the box: https://HOST[:8443]. Also $SYNBOX_BOX.", valueName: "url"))
  var box: String?

  @Option(
    help: ArgumentHelp("File with the access token. Also $SYNBOX_TOKEN_FILE.", valueName: "file"),
    completion: .file())
  var tokenFile: String?

  @Option(
    name: .customLong("ca"),
    help: ArgumentHelp("Certificates of the authorities to trust, in PEM.", valueName: "file"),
    completion: .file())
  var authority: String?

  @Option(help: ArgumentHelp("SHA-256 of the box's own certificate.", valueName: "sha256"))
  var fingerprint: String?

  @Option(
    name: .customLong("cert"), help: ArgumentHelp("Client certificate, in PEM.", valueName: "file"),
    completion: .file())
  var certificate: String?

  @Option(
    help: ArgumentHelp("Key of the client certificate, in PEM.", valueName: "file"), completion: .file()
  )
  var key: String?

  @Flag(help: "Print JSON.")
  var json = false

  /// - Throws: if no box or no credential is named, or one of the files cannot be read.
  func connection() throws -> BoxConnection {
    let settings = try self.settings()
    guard let box = settings.box else {
      throw UsageError(
        "no box is named: give --box, set SYNBOX_BOX, or write box = \"https://HOST:8443\" into the configuration file"
      )
    }
    let address: BoxAddress
    do throws(ValueError) { address = try BoxAddress(parsing: box) } catch {
      throw UsageError("box: \(error)")
    }
    var token: String?
    if let path = settings.tokenFile {
      let content = String(decoding: try Files.read(path, limit: 1 << 12), as: UTF8.self)
      let text = content.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      guard let parsed = AccessToken(text) else {
        throw InputError(
          file: path, location: .file, found: "no access token",
          expected: "one that `synboxctl token new` has printed")
      }
      token = parsed.text
    } else if settings.certificate == nil {
      throw UsageError("no credential is named: give --token-file, or --cert and --key")
    }
    return BoxConnection(address: address, trust: try Trust(settings), token: token)
  }

  private func settings() throws -> ClientSettings {
    var flags = ClientSettings()
    flags.box = box
    flags.tokenFile = tokenFile
    flags.authority = authority
    flags.fingerprint = fingerprint
    flags.certificate = certificate
    flags.key = key
    let environment = ProcessEnvironment.variables
    var file = ClientSettings()
    if let path = ClientSettings.path(environment: environment), Files.kind(of: path) != nil {
      file = try ClientSettings(try Files.read(path, limit: ClientSettings.maximumSize + 1), file: path)
    }
    return flags.over(ClientSettings(environment: environment)).over(file)
  }
}
