// The options that choose the targets and their order, for `scan` and `list`.
import ArgumentParser
import Kernel
import Plan
import Spool
import Wire

struct PlanOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Target files, targets such as 198.18.0.0/20, or - for standard input. (default: - if it is not a terminal)",
      valueName: "file"))
  var targets: [String] = []

  @Option(
    name: [.customShort("p"), .long],
    help: "Ports of targets that have none of their own: 80,443,8000-8010, or * for all.",
    transform: parsed)
  var targetPorts: PortSet?

  @Option(
    name: [.customShort("b"), .long], help: "Deny list: a file of prefixes and ranges to exclude.")
  var blocklistFile: String?

  @Option(
    name: [.customShort("w"), .long],
    help: "Allow list: a file of prefixes and ranges; all others are excluded."
  )
  var allowlistFile: String?

  @Option(
    help: "What to do with special-purpose space (IANA, \(SpecialPurpose.date)) within wider targets.")
  var specialPurpose: SpecialPurpose.Rule = .skip

  @Option(
    name: [.customShort("P"), .long], help: "Probes for each target. (default: 1)", transform: parsed)
  var probes: ProbeCount?

  @Option(
    name: [.customShort("n"), .long], help: "Limit the number of targets, such as 1000 or 10%.",
    transform: parsed)
  var maxTargets: MaxTargets?

  @Option(
    name: [.customShort("e"), .long], help: "Seed of the order of probes. (default: random)",
    transform: parsed)
  var seed: Seed?

  @Option(name: .long, help: "Number of shards to divide the targets into; needs --seed.")
  var shards: UInt32?

  @Option(name: .long, help: "Index of this scan's shard, from 0.")
  var shard: UInt32?

  @Option(name: .long, help: "Format of target files.")
  var inputFormat: TargetFile.Format = .auto

  mutating func validate() throws {
    guard (shards == nil) == (shard == nil) else {
      throw ValidationError("--shards and --shard belong together: --shards 3 --shard 0")
    }
    if let shard, let shards {
      do { _ = try Shard(shard, of: shards) } catch { throw ValidationError(error.description) }
    }
  }
}

/// The plan that the targets and options result in.
struct PreparedPlan {
  let sequence: ProbeSequence
  let seed: Seed
  let directives: Directives
  let scopeSHA256: String
  /// What the scope excludes of the plan; nil if only targets in scope have numbers.
  let denied: DeniedTargets?
}

extension PlanOptions {
  /// Opens the target files and scope lists, and parses nothing: that needs no privilege.
  func open() throws -> OpenInput {
    var names = targets
    if names.isEmpty {
      guard !Terminal.inputIsTerminal else {
        throw ValidationError(
          "no targets: give a target file, a target such as 198.18.0.0/20, or pipe them in")
      }
      names = ["-"]
    }
    guard names.filter({ $0 == "-" }).count <= 1 else {
      throw ValidationError("standard input (-) is given more than once")
    }
    let input = OpenInput()
    for name in names where !Self.isTarget(name) { try input.open(name) }
    for list in [allowlistFile, blocklistFile].compactMap(\.self) {
      do throws(Fault) {
        try input.open(list)
      } catch {
        throw ValidationError(
          "\(UnreadableList(key: list == allowlistFile ? "allow-file" : "deny-file", file: list, fault: error))"
        )
      }
    }
    input.names = names
    return input
  }

  /// Reads what is open, and makes the plan.
  ///
  /// - Throws: `InputError` if a file is invalid, `Fault` if it cannot be read, `ValidationError` if no target is left.
  func prepare(_ input: OpenInput) throws -> PreparedPlan {
    let scope = try readScope(input)
    let files = try input.names.map { try readTargets($0, input) }
    let directives = try Directives.merged(files)
    let numbersAll = directives.numbering == .targets
    guard !numbersAll || seed != nil || directives.seed != nil else {
      throw ValidationError("@numbering targets needs a seed: give @seed or --seed")
    }
    let plan = try TargetPlan(
      consume files, defaultPorts: targetPorts ?? directives.ports,
      scope: numbersAll ? .ofAllTargets : scope.scope)
    guard plan.count > 0 else {
      throw ValidationError(
        "no target is left: the scope excludes all \(plan.outOfScope) (0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 and "
          + "240.0.0.0/4 are never probed, other special-purpose blocks only if a target lies wholly within one)"
      )
    }
    let seed = self.seed ?? directives.seed ?? Seed(.random(in: .min ... .max))
    let shard = try chosenShard(directives)
    let sequence = ProbeSequence(
      plan: plan, seed: seed, shard: shard, probes: probes ?? directives.probes ?? .one,
      maxTargets: maxTargets)
    return PreparedPlan(
      sequence: sequence, seed: seed, directives: directives, scopeSHA256: scope.sha256,
      denied: numbersAll ? sequence.denied(by: scope.scope) : nil)
  }

  private func chosenShard(_ directives: Directives) throws -> Shard {
    guard let shard, let shards else { return directives.shard ?? .whole }
    guard shards == 1 || seed != nil || directives.seed != nil else {
      throw ValidationError("--shards needs --seed: shards of different orders overlap")
    }
    return try Shard(shard, of: shards)
  }

  private func readTargets(_ name: String, _ input: OpenInput) throws -> TargetFile {
    if Self.isTarget(name), !input.isOpen(name) {
      return try TargetFile.parse(Array(name.utf8), name: "argument", format: .text)
    }
    let shown = name == "-" ? "standard input" : name
    let stream: TargetStream
    do throws(TargetStream.Failure) {
      stream = try input.readTargets(name, shown: shown, inputFormat)
    } catch {
      guard case .fault(let fault) = error else { preconditionFailure("nobody stops it") }
      throw fault.fault
    }
    if let mistake = stream.mistakes.first { throw mistake }
    return stream.file
  }

  /// Returns whether an argument is meant as a target: it is not a file's name and starts like an address. Its errors
  /// are then reported as a target's.
  private static func isTarget(_ name: String) -> Bool {
    guard name != "-", Files.kind(of: name) == nil else { return false }
    // An IPv6 address. The target parser's error is clearer than that of a missing file.
    if name.count(where: { $0 == ":" }) > 1 { return true }
    let head = name.prefix { $0 != "/" && $0 != ":" && $0 != "-" }
    return head.contains(".") && head.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
  }

  /// Reads the lists; unlike a box's, they may be pipes.
  private func readScope(_ input: OpenInput) throws -> ScopeInForce {
    let sources = ScopeSources(
      allowFile: allowlistFile, denyFile: blocklistFile, specialPurpose: specialPurpose)
    do {
      return try sources.read { (path) throws(Fault) in try input.read(path) }
    } catch let list as UnreadableList {
      throw ValidationError("\(list)")
    }
  }
}

/// The files of a scan, opened with the privilege that its user has, and read without it.
final class OpenInput {
  private final class File {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
  }

  /// The targets as they were given.
  fileprivate(set) var names: [String] = []
  private var files: [String: File] = [:]

  /// Opens a file, or standard input (`-`). A file that is named twice is read once more from its start.
  fileprivate func open(_ name: String) throws(Fault) {
    guard files[name] == nil else { return }
    files[name] = File(try Files.openToRead(name))
  }

  fileprivate func isOpen(_ name: String) -> Bool { files[name] != nil }

  fileprivate func read(_ name: String) throws(Fault) -> [UInt8] {
    guard let file = files[name] else { throw Fault("\(name) is not open") }
    if name != "-" { file.descriptor.rewind() }
    return try Files.read(descriptor: file.descriptor.number, name: name, limit: 1 << 32)
  }

  fileprivate func readTargets(_ name: String, shown: String, _ format: TargetFile.Format)
    throws(TargetStream.Failure) -> TargetStream
  {
    guard let file = files[name] else { throw .fault(.box(Fault("\(name) is not open"))) }
    if name != "-" { file.descriptor.rewind() }
    return try TargetStream.read(
      file.descriptor, name: shown, format: format, mistakes: 1, limit: 1 << 32)
  }
}

extension Directives {
  /// Merges the directives of several files.
  ///
  /// - Throws: A `ValidationError` if two files have different values for one directive.
  static func merged(_ files: [TargetFile]) throws -> Directives {
    var merged = Directives()
    for file in files {
      let own = file.directives
      func combine<Value: Equatable>(_ path: WritableKeyPath<Directives, Value?>, _ name: String)
        throws
      {
        guard let value = own[keyPath: path] else { return }
        if let other = merged[keyPath: path], other != value {
          throw ValidationError("\(file.name): @\(name) conflicts with that of another target file")
        }
        merged[keyPath: path] = value
      }
      try combine(\.rate, "rate")
      try combine(\.bandwidth, "bandwidth")
      try combine(\.probes, "probes")
      try combine(\.cooldown, "cooldown")
      try combine(\.shard, "shard")
      try combine(\.seed, "seed")
      try combine(\.priority, "priority")
      try combine(\.numbering, "numbering")
    }
    return merged
  }
}
