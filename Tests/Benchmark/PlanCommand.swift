// `benchmark plan`: the cost of reading and planning a target file, by its shape and size.
import ArgumentParser
import Kernel
import Plan
import Scan
import Synchronization
import TestSupport
import Wire

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Measure the reading and planning of one target file.",
    discussion:
      "Prints one line: shape, entries, bytes, processor seconds to read, processor seconds to plan, steps of the "
      + "planner, targets, peak RSS in MiB."
  )

  enum Shape: String, CaseIterable, ExpressibleByArgument {
    /// Single addresses in random order, one port.
    case single
    /// Each entry within the one before, under one entry with all ports; the ports of each are others.
    case nested
    /// Single addresses, each with other ports.
    case ports
    /// Ranges of up to 65536 addresses at random places, with one of 16 port sets.
    case overlapping
    /// Ranges of any length at random places, with random ranges of ports: each union differs from all others.
    case adversarial
  }

  @Argument var shape: Shape
  @Option(help: "The number of entries.") var entries = 1_000_000

  func run() throws {
    let text = text()
    let begin = ResourceUsage.current
    let file = try TargetFile.parse(text, name: "\(shape.rawValue).txt", format: .text)
    let read = ResourceUsage.current
    // Only the last few thousand steps are not reported.
    let steps = Atomic<Int>(0)
    let budget = PlanBudget(memory: .max) { count in
      steps.add(count, ordering: .relaxed)
      return .goAhead
    }
    let plan = try TargetPlan([consume file], defaultPorts: nil, scope: Scope(), budget: budget)
    let planned = ResourceUsage.current
    func seconds(_ from: ResourceUsage, _ to: ResourceUsage) -> String {
      let seconds = to.userSeconds + to.systemSeconds - from.userSeconds - from.systemSeconds
      return "\((seconds * 10_000).rounded() / 10_000)"
    }
    print(
      shape.rawValue, entries, text.count, seconds(begin, read), seconds(read, planned),
      steps.load(ordering: .relaxed), plan.count, try TaskStatus.peakResidentBytes() >> 20)
  }

  private func text() -> [UInt8] {
    var random = SeededGenerator(7)
    var text: [UInt8] = []
    text.reserveCapacity(entries * 40)
    func range(_ first: UInt32, _ last: UInt32) {
      text.append(IPv4Address(first))
      if last != first {
        text.append(UInt8(ascii: "-"))
        text.append(IPv4Address(last))
      }
      text.append(UInt8(ascii: ":"))
    }
    if shape == .nested { text.append(text: "1.0.0.0-99.255.255.255:*\n") }
    for number in 0..<entries {
      let any = UInt32(truncatingIfNeeded: random.next())
      switch shape {
      case .single:
        range(any, any)
        text.append(text: "80\n")
      case .nested:
        range(0x0100_0001 + UInt32(number), 0x63ff_fffe - UInt32(number))
        text.append(text: "\(2 * (number % 30_000) + 1),\(number / 7 % 65_000 + 1)\n")
      case .ports:
        range(any, any)
        text.append(text: "\(any % 1000 + 1),\(any / 1000 % 1000 + 2000),\(number % 60_000 + 3000)\n")
      case .overlapping:
        range(any & 0x7fff_ffff, any & 0x7fff_ffff + UInt32(truncatingIfNeeded: random.next() & 0xffff))
        text.append(text: "\(number % 16 + 1),\(number % 16 + 100)-\(number % 16 + 110)\n")
      case .adversarial:
        let other = UInt32(truncatingIfNeeded: random.next())
        range(min(any, other), max(any, other))
        let (low, high) = (random.next() % 65_535 + 1, random.next() % 65_535 + 1)
        text.append(text: "\(min(low, high))-\(max(low, high))\n")
      }
    }
    return text
  }
}
