// Target files as text: the line reader, the grammar, the directives, and the plan.
import Plan
import Wire

private let defaultPorts = PortSet([7...9, 443...443])
private let never = AddressSet(SpecialPurpose.neverProbed.map(\.addresses))

extension FuzzTarget {
  /// The result is an error with a place in the file, the first of all errors; or exactly the pairs that the
  /// reference parser finds, without special-purpose space. Directives parse to the same values when they are
  /// formatted again.
  static let targetText = FuzzTarget("targets", maximumLength: 1024) { bytes in
    let mistakes = TargetFile.check(bytes, name: "f", format: .text)
    for mistake in mistakes { try mistake.requirePlace(in: bytes) }
    let file: TargetFile
    do throws(InputError) {
      file = try TargetFile.parse(bytes, name: "f", format: .text)
    } catch {
      return try require(mistakes.first == error, "\(mistakes) but \(error)")
    }
    try require(mistakes.isEmpty, "accepted in spite of \(mistakes)")
    let (entries, _) = try plainLines(bytes)
    try require(file.entryCount == entries.count, "\(file.entryCount) of \(entries.count) entries")
    try requireRoundTrip(of: file.directives)
    // The reference parser takes n² steps.
    guard entries.count <= 64 else { return }
    try requirePlan(of: file, entries)
  }

  private static func requirePlan(of file: TargetFile, _ entries: [PlainEntry]) throws {
    let plan = try TargetPlan([file], defaultPorts: defaultPorts, scope: Scope())
    let without = file.directives.ports ?? defaultPorts
    let pairs = plainPairs(entries, without: without)
    try require(
      plan.count + plan.outOfScope == pairs, "\(plan.count) + \(plan.outOfScope), not \(pairs)")
    try require(plan.addresses.subtracting(plainAddresses(entries)).isEmpty, "addresses of its own")
    try require(plan.addresses.intersection(never).isEmpty, "addresses of no host")
    guard plan.count > 0 else { return }
    var before: Target?
    for index in [0, plan.count / 3, plan.count / 2, plan.count - 1] {
      let target = plan.target(at: index)
      let named = entries.contains {
        $0.first <= target.address.value && target.address.value <= $0.last
          && ($0.ports ?? without).contains(target.port)
      }
      try require(named, "\(target) is not in the file")
      if let before { try require(before.address <= target.address, "\(target) after \(before)") }
      before = target
    }
  }

  private static func requireRoundTrip(of directives: Directives) throws {
    var text = ""
    if let ports = directives.ports { text += "@ports \(ports)\n" }
    if let rate = directives.rate { text += "@rate \(rate)\n" }
    if let bandwidth = directives.bandwidth { text += "@bandwidth \(bandwidth)\n" }
    if let probes = directives.probes { text += "@probes \(probes)\n" }
    if let cooldown = directives.cooldown { text += "@cooldown \(decimalSeconds(cooldown))\n" }
    if let shard = directives.shard { text += "@shard \(shard)\n" }
    if let seed = directives.seed { text += "@seed \(seed)\n" }
    if let priority = directives.priority { text += "@priority \(priority)\n" }
    let again = try TargetFile.parse(Array((text + "192.0.2.1\n").utf8), name: "again", format: .text)
    try require(again.directives == directives, "\(directives) became \(again.directives)")
  }

  /// A file that is read in pieces has the entries, the directives and the mistakes of the same file read at once. The
  /// first byte is the size of the pieces.
  static let targetPieces = FuzzTarget("target-pieces", maximumLength: 1024) { bytes in
    guard let size = bytes.first.map({ Int($0) + 1 }) else { return }
    let bytes = Array(bytes.dropFirst())
    for (name, format) in [("f", TargetFile.Format.auto), ("f.bin", .auto), ("f", .text)] {
      let mistakes = TargetFile.check(bytes, name: name, format: format)
      for keepsEntries in [true, false] {
        var reader = TargetReader(
          name: name, format: format, maximumErrors: 100, keepsEntries: keepsEntries, size: bytes.count)
        for start in stride(from: 0, to: bytes.count, by: size) {
          reader.add(bytes[start..<min(start + size, bytes.count)])
        }
        let (file, found) = reader.finish()
        try require(found == mistakes, "\(found), not \(mistakes)")
        guard mistakes.isEmpty, keepsEntries else { continue }
        let whole = try TargetFile.parse(bytes, name: name, format: format)
        try require(file.directives == whole.directives, "other directives")
        try require(file.entryCount == whole.entryCount, "\(file.entryCount) entries")
        let (a, b) = (
          try TargetPlan([file], defaultPorts: defaultPorts, scope: Scope()),
          try TargetPlan([whole], defaultPorts: defaultPorts, scope: Scope())
        )
        try require(a.count == b.count && a.outOfScope == b.outOfScope, "another plan")
      }
    }
  }

  /// A binary file is parsed exactly if it is well-formed.
  static let binaryTargets = FuzzTarget("binary-targets", maximumLength: 512) { bytes in
    try requireDetection(of: bytes)
    let last = bytes.suffix(4)
    let words = stride(from: 0, to: bytes.count - bytes.count % 4, by: 4).map {
      IPv4Address(bytes: bytes[$0..<$0 + 4]) ?? IPv4Address(0)
    }
    let isWhole =
      bytes.count % 4 == 0 && words.count > 1 && words.last?.value == 0
      && words.dropLast().allSatisfy { $0.value != 0 }
    let file: TargetFile
    do throws(InputError) {
      file = try TargetFile.parse(bytes, name: "f", format: .binary)
    } catch {
      try require(!isWhole, "refused: \(error)")
      return try error.requirePlace(in: bytes)
    }
    try require(isWhole, "accepted, with \(last) at its end")
    try require(file.entryCount == words.count - 1, "\(file.entryCount) entries")
    let plan = try TargetPlan([file], defaultPorts: PortSet([80...80]), scope: Scope())
    let distinct = UInt64(Set(words.dropLast()).count)
    try require(plan.count + plan.outOfScope == distinct, "\(plan.count) + \(plan.outOfScope)")
  }

  /// Requires that a file of unknown format is parsed as text or as binary.
  private static func requireDetection(of bytes: [UInt8]) throws {
    func outcome(_ name: String, _ format: TargetFile.Format) -> (Int, [InputError]) {
      let mistakes = TargetFile.check(bytes, name: name, format: format)
      let file = try? TargetFile.parse(bytes, name: name, format: format)
      return (file?.entryCount ?? 0, mistakes)
    }
    let (text, binary) = (outcome("f", .text), outcome("f", .binary))
    let chosen = outcome("f", .auto)
    try require(chosen == text || chosen == binary, "neither: \(chosen)")
    try require(outcome("f.bin", .auto) == outcome("f.bin", .binary), "a .bin that is not binary")
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { try require(chosen == text, "a marked text") }
  }
}
