// token new: make an access token.
import ArgumentParser
import BoxAPI
import Kernel
import Manage
import Plan
import Support

struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make access tokens.", subcommands: [TokenNewCommand.self])
}

struct TokenNewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract:
      "Make a token, print it once, and append its salted hash to the file that synbox-manage reads.")

  @Option(help: ArgumentHelp("Whose token it is.", valueName: "name")) var name: String
  @Option(help: ArgumentHelp("What it allows: read, submit or admin.", valueName: "role")) var role:
    Role
  @Option(
    help: ArgumentHelp("The file of tokens; created if there is none.", valueName: "file"),
    completion: .file())
  var tokens: String
  @Option(
    help: ArgumentHelp(
      "From when on it is refused: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ.", valueName: "time"))
  var expires: String?
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    guard TokenEntry.isUsable(name: name) else {
      throw UsageError(
        "--name: found \"\(Escaping.quotable(name, limit: 80))\", expected at most 64 visible characters without quotes and backslashes"
      )
    }
    let time = try expires.map { text in
      guard let time = TokenEntry.expiry(text) else {
        throw UsageError(
          "--expires: found \"\(Escaping.quotable(text, limit: 40))\", expected a time in UTC such as 2030-12-31T00:00:00Z, or a date"
        )
      }
      return time
    }
    var generator = SystemRandomNumberGenerator()
    let token = AccessToken(using: &generator)
    let entry = TokenEntry(
      principal: Principal(name: name, role: role), expires: time,
      hash: TokenHash(of: token, using: &generator))
    let exists = Files.kind(of: tokens) != nil
    let content = exists ? try Files.read(tokens, limit: TokenFile.maximumSize) : []
    let section = Array(entry.section.utf8)
    // A file with a mistake is refused as a whole by the service: it is not made longer.
    _ = try TokenFile(content, file: tokens)
    _ = try TokenFile(content + section, file: tokens)
    // Whoever reads the hashes cannot log in, and the service reads them as a user of its own.
    let file = try Files.create(tokens, keepsContent: true)
    do throws(Errno) {
      try file.writeAll(section)
      try file.sync()
    } catch { throw Fault("cannot write \(Escaping.visible(tokens))", cause: error) }
    if json {
      let account = Account(
        name: name, role: role.rawValue, token: token.text, expires: time?.text)
      Terminal.output(String(decoding: JSONText.line(account), as: UTF8.self) + "\n")
    } else {
      Terminal.output(token.text + "\n")
      if Terminal.outputIsTerminal {
        Terminal.error(
          "This token is not shown again. Keep it in a file that only its user can read.\n")
      }
    }
  }

  /// What was made, for `--json`.
  private struct Account: Encodable {
    let name: String
    let role: String
    let token: String
    let expires: String?
  }
}

extension Role: ExpressibleByArgument {}
