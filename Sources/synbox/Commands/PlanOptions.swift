// The options that say what is probed and in which order; `scan` and `list` share them.
import ArgumentParser
import Kernel
import Plan
import Spool
import Wire

struct PlanOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Target files, targets such as 198.18.0.0/20, or - for standard input.",
      valueName: "file"))
  var targets: [String] = []

  @Option(
    name: [.customShort("p"), .long], help: "Ports for targets that name none: 80,443,8000-8010 or *.",
    transform: parsed)
  var targetPorts: PortSet?

  @Option(
    name: [.customShort("b"), .long], help: "Never probe what this file lists (CIDR, ranges).")
  var blocklistFile: String?

  @Option(name: [.customShort("w"), .long], help: "Probe only what this file lists.")
  var allowlistFile: String?

  @Option(
    help: "Special-purpose space inside wider targets (IANA, \(SpecialPurpose.date)): skip or probe.")
  var specialPurpose: SpecialPurpose.Rule = .skip

  @Option(name: [.customShort("P"), .long], help: "Probes for each target.", transform: parsed)
  var probes: ProbeCount?

  @Option(
    name: [.customShort("n"), .long], help: "Probe at most so many targets, or 10% of them.",
    transform: parsed)
  var maxTargets: MaxTargets?

  @Option(
    name: [.customShort("e"), .long], help: "The same seed gives the same order. Default: random.",
    transform: parsed)
  var seed: Seed?

  @Option(name: .long, help: "Divide the targets among so many scans (give a seed).")
  var shards: UInt32?

  @Option(name: .long, help: "Which of the shards this is, from 0.")
  var shard: UInt32?

  @Option(name: .long, help: "How to read targets: auto, text or binary.")
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

/// What the targets and options come to.
struct PreparedPlan {
  let sequence: ProbeSequence
  let seed: Seed
  let directives: Directives
  let scopeSHA256: String
}

extension PlanOptions {
  /// Reads everything that is named, and makes the plan. Throws `InputError` for what is wrong in a file,
  /// `Fault` for what cannot be read.
  func prepare() throws -> PreparedPlan {
    let scope = try readScope()
    let files = try readTargets()
    let directives = try Directives.merged(files)
    let plan = try TargetPlan(
      consume files, defaultPorts: targetPorts ?? directives.ports, scope: scope.scope)
    guard plan.count > 0 else {
      throw ValidationError(
        "no target is left: \(plan.outOfScope) were left out by the lists and by the rules for "
          + "special-purpose addresses (0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 and 240.0.0.0/4 never, "
          + "other special blocks only where an entry lies wholly within one)")
    }
    let seed = self.seed ?? directives.seed ?? Seed(.random(in: .min ... .max))
    let shard = try chosenShard(directives)
    let sequence = ProbeSequence(
      plan: plan, seed: seed, shard: shard, probes: probes ?? directives.probes ?? .one,
      maxTargets: maxTargets)
    return PreparedPlan(
      sequence: sequence, seed: seed, directives: directives, scopeSHA256: scope.sha256)
  }

  private func chosenShard(_ directives: Directives) throws -> Shard {
    guard let shard, let shards else { return directives.shard ?? .whole }
    guard shards == 1 || seed != nil || directives.seed != nil else {
      throw ValidationError("--shards needs --seed: shards of different orders overlap")
    }
    return try Shard(shard, of: shards)
  }

  private func readTargets() throws -> [TargetFile] {
    var names = targets
    if names.isEmpty {
      guard !Terminal.inputIsTerminal else {
        throw ValidationError(
          "no targets: name a file, a target such as 198.18.0.0/20, or pipe them in")
      }
      names = ["-"]
    }
    guard names.filter({ $0 == "-" }).count <= 1 else {
      throw ValidationError("standard input (-) can be read once only")
    }
    return try names.map { name in
      if Self.isTarget(name) {
        return try TargetFile.parse(Array(name.utf8), name: "argument", format: .text)
      }
      let shown = name == "-" ? "standard input" : name
      let content = try TargetContent(try Files.read(name), name: shown, format: inputFormat)
      return try TargetFile.parse(content.bytes, name: shown, format: content.format)
    }
  }

  /// An argument that starts like an address and is no file's name is meant as a target; what is wrong
  /// with it is then said as of a target.
  private static func isTarget(_ name: String) -> Bool {
    guard name != "-", Files.kind(of: name) == nil else { return false }
    // More than one colon is an IPv6 address, and a target's error says more than a missing file's.
    if name.count(where: { $0 == ":" }) > 1 { return true }
    let head = name.prefix { $0 != "/" && $0 != ":" && $0 != "-" }
    return head.contains(".") && head.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
  }

  /// A list may come through a pipe here.
  private func readScope() throws -> ScopeInForce {
    let sources = ScopeSources(
      allowFile: allowlistFile, denyFile: blocklistFile, specialPurpose: specialPurpose)
    do {
      return try sources.read { (path) throws(Fault) in try Files.read(path) }
    } catch let list as UnreadableList {
      throw ValidationError("\(list)")
    }
  }
}

extension Directives {
  /// The directives of several files as one. Two files may say the same, not different things.
  static func merged(_ files: [TargetFile]) throws -> Directives {
    var merged = Directives()
    for file in files {
      let own = file.directives
      func combine<Value: Equatable>(_ path: WritableKeyPath<Directives, Value?>, _ name: String)
        throws
      {
        guard let value = own[keyPath: path] else { return }
        if let other = merged[keyPath: path], other != value {
          throw ValidationError("\(file.name): @\(name) differs from that of another target file")
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
    }
    return merged
  }
}
