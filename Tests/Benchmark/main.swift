// Measures the parts that limit the speed of a scan, one at a time, on one processor. Asserts nothing.
import ArgumentParser

struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure the parts that limit the speed of a scan.",
    subcommands: [
      FloodCommand.self, ForgeCommand.self, MicroCommand.self, PacketSendCommand.self,
      AllocationsCommand.self, InventoryCommand.self, PlanCommand.self,
      SpoolCommand.self, StampOnlyCommand.self,
    ])
}

Benchmark.main()
