// fleet submit: describes a scan, signs it, and hands it to the collector.
import ArgumentParser
import Fleet
import FleetHost
import Kernel
import Plan
import Scan

struct FleetSubmitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit", abstract: "Have the fleet scan target files.",
    discussion: """
      The files are target files without directives: everything else stands here. The description is signed with your key \
      (ssh-keygen -Y sign), which every box verifies. Prints the ID of the scan.
      """)

  @OptionGroup var options: FleetOptions

  @Argument(help: "Target files, text without directives.", completion: .file())
  var files: [String]

  @Option(
    name: .customLong("key"),
    help: ArgumentHelp(
      "SSH key to sign with; its public part is in the fleet's submit keys.", valueName: "file"),
    completion: .file())
  var key: String

  @Option(help: "Name of the scan; without it, that of the first file.")
  var name: String?

  @Option(
    name: [.customShort("p"), .customLong("target-ports")], help: "Ports of targets that name none.")
  var ports: String?

  @Option(
    name: [.customShort("r"), .customLong("rate")], help: "Probes per second of all boxes together.")
  var rate: String

  @Option(help: "Parts into which the scan is divided; 8 to 16 for each box keep all of them busy.")
  var shards: UInt32 = 64

  @Option(name: [.customShort("P"), .customLong("probes")], help: "Probes per target.")
  var probes: UInt8 = 1

  @Option(
    name: [.customShort("c"), .customLong("cooldown-time")],
    help: "Wait for replies after a shard's last probe.")
  var cooldown: String = "8"

  @Option(
    name: [.customShort("e"), .customLong("seed")], help: "Seed of the order; random without it.")
  var seed: UInt64?

  @Option(
    name: [.customShort("f"), .customLong("output-fields")],
    help: "Columns of the results, as in the boxes' synbox.toml.")
  var fields: String = "saddr,sport"

  @Option(
    name: .customLong("max-rate-per-24"),
    help: "Probes per second to any one /24, from all boxes together.")
  var maximumRatePer24: UInt64?

  @Option(help: "Assign nothing after so many hours.")
  var hours: UInt64 = 168

  func run() async throws {
    let connection = try await options.connection()
    let scratch = try Scratch()
    let description = try describe(denySequence: try await denySequence(connection))
    let signed = try OperatorKey.sign(description.body, .scan, key: key, scratch: scratch.path)
    for (file, target) in zip(files, description.targets) {
      try await connection.send(file, as: target.digest, size: target.size)
    }
    let object = JSONValue.object(["body": signed.body, "sig": .text(signed.signature)])
    let answer = try await connection.ask("submit", ["scan": object])
    if options.json {
      return Terminal.output(String(decoding: JSONValue.object(answer).canonical, as: UTF8.self) + "\n")
    }
    Terminal.output("\(description.id)\n")
    if case .number(let rate)? = answer["rate"], UInt64(rate) < description.rate {
      Terminal.error("the rate is \(rate) pps, so that no /24 gets more than its maximum\n")
    }
  }

  private func denySequence(_ connection: FleetConnection) async throws -> UInt64 {
    guard case .number(let number)? = try await connection.ask("status")["deny_seq"] else { return 0 }
    return UInt64(max(0, number))
  }

  private func describe(denySequence: UInt64) throws -> ScanDescription {
    var (parsed, targets): ([TargetFile], [BlobReference]) = ([], [])
    for file in files {
      let bytes = try Files.read(file, limit: 2 << 30)
      let target = try TargetFile.parse(bytes, name: file, format: .text)
      guard target.directives == Directives() else {
        throw InputError(
          file: file, location: .file, found: "directives", expected: "none: give options instead")
      }
      parsed.append(target)
      targets.append(BlobReference(digest: Digest(of: bytes), size: UInt64(bytes.count)))
    }
    let plan = try TargetPlan(
      parsed, defaultPorts: try ports.map { text throws(ValueError) in try PortSet(parsing: text) },
      scope: Scope(allow: nil, specialPurpose: .skip))
    guard plan.count > 0 else { throw UsageError("the files have no target that may be probed") }
    let packetRate = try PacketRate(parsing: rate)
    guard let rate = packetRate.perSecond else {
      throw UsageError("rate: expected a limit, which all boxes share")
    }
    var description = ScanDescription(
      name: name ?? String(files[0].split(separator: "/").last ?? "scan"), targets: targets,
      ports: ports, seed: seed ?? .random(in: .min ... .max), probes: probes,
      shards: UInt32(min(UInt64(shards), plan.count)), rate: rate, maximumRatePer24: maximumRatePer24,
      cooldownMilliseconds: UInt64(max(0, try Duration(parsing: cooldown) / .milliseconds(1))),
      fields: try ResultField.parse(list: fields), planDigest: Digest(of: []),
      targetCount: plan.count, denySequence: denySequence,
      notAfter: Clock.realtime / 1_000_000_000 + hours * 3600)
    description.planDigest = description.digest(ofPlanWith: plan.count)
    // The collector and the boxes read it in the same way.
    return try ScanDescription(body: description.body)
  }
}

/// A directory of this process's own, removed at its end.
final class Scratch {
  let path: String

  init() throws(Fault) {
    let parent = ProcessEnvironment.variables["TMPDIR"] ?? "/tmp"
    path = "\(parent)/synboxctl-\(Nonce.make())"
    try Files.makeDirectory(path, mode: 0o700)
  }

  deinit {
    try? Files.removeTree(
      FileName(String(path.split(separator: "/").last ?? "")), in: Files.parent(of: path))
  }
}
