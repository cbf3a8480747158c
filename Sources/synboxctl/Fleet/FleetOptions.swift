// Which fleet, and as whom: the options of every command that asks a collector.
import ArgumentParser

struct FleetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Directory with the operator's certificate, from synboxctl fleet init. Also $SYNBOX_FLEET.",
      valueName: "dir"), completion: .directory)
  var identity: String?

  @Flag(help: "Print JSON.")
  var json = false

  func connection() async throws -> FleetConnection {
    guard let path = identity ?? ProcessEnvironment.variables["SYNBOX_FLEET"] else {
      throw UsageError(
        "no fleet is named: give --identity, the operator's directory that synboxctl fleet init made")
    }
    return try await FleetConnection.open(path)
  }
}
