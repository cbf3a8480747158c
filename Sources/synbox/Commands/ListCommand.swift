// `synbox list`: prints the probes that a scan would send. Needs no privilege.
import ArgumentParser
import Kernel
import Plan
import Scan
import Wire

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Print the probes that a scan would send, in order, without sending any.")

  @OptionGroup var plan: PlanOptions

  @Flag(help: "Print 6 bytes for each probe instead of text: address and port, big-endian.")
  var binary = false

  func run() throws {
    let prepared = try plan.prepare(plan.open())
    let output = try Descriptor.standardOutput()
    try writeProbes(prepared, to: output, binary: binary)
  }
}

/// Writes the probes of a plan: lines of `address,port`, or 4 bytes of address and 2 of port, big-endian. Leaves out those
/// that the scope denies.
func writeProbes(_ plan: PreparedPlan, to output: borrowing Descriptor, binary: Bool) throws {
  var cursor = plan.sequence.cursor()
  let denied = plan.denied.map { AddressFilter($0.addresses) }
  let none = Probe(Target(IPv4Address(0), Port(0)), pass: 0)
  var probes = [Probe](repeating: none, count: 1024)
  var buffer: [UInt8] = []
  buffer.reserveCapacity(1 << 17)
  func flush() throws {
    do {
      try output.writeAll(buffer)
    } catch {
      throw Fault("cannot write to standard output", cause: error)
    }
    buffer.removeAll(keepingCapacity: true)
  }
  while true {
    let count = next(&cursor, &probes)
    for probe in probes.prefix(count) where denied?.contains(probe.address) != true {
      if binary {
        buffer.append(bigEndian: probe.address.value)
        buffer.append(bigEndian: probe.port.value)
      } else {
        buffer.append(probe.address)
        buffer.append(UInt8(ascii: ","))
        buffer.append(decimal: probe.port.value)
        buffer.append(UInt8(ascii: "\n"))
      }
    }
    if buffer.count >= 1 << 16 || count == 0 { try flush() }
    if count == 0 { return }
  }
}

private func next(_ cursor: inout ProbeSequence.Cursor, _ probes: inout [Probe]) -> Int {
  var span = probes.mutableSpan
  return cursor.next(into: &span)
}
