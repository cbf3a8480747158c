// Measures the parts that bound a scan, one at a time and on one processor. Not a test: it asserts no speed.
import ArgumentParser

struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure the parts that bound a scan.",
    subcommands: [
      FloodCommand.self, ForgeCommand.self, MicroCommand.self, PacketSendCommand.self,
      AllocationsCommand.self, InventoryCommand.self,
      StampOnlyCommand.self,
    ])
}

Benchmark.main()
