// `synboxctl fleet`: what an operator tells a fleet, and what the fleet tells an operator.
import ArgumentParser

struct FleetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet", abstract: "Make, use and watch a fleet of boxes.",
    discussion: """
      A fleet scans one target file with many boxes. The collector (fleet collect) runs on your side; boxes reach it through a \
      broker (nats-server). The first steps: fleet init, then nats-server, fleet collect and the boxes' agents, fleet approve, \
      fleet deny, fleet submit.
      """,
    subcommands: [
      FleetInitCommand.self, FleetSubmitCommand.self, FleetDenyCommand.self, FleetStatusCommand.self,
      FleetBoxesCommand.self, FleetApproveCommand.self, FleetRevokeCommand.self,
      FleetCancelCommand.self, FleetRetryCommand.self, FleetCollectCommand.self,
    ])
}
