// Every committed corpus file through its target, as in `make fuzz`, and changed at random besides.
import FuzzTargets
import Kernel
import TestSupport
import Testing

private let corpora = "\(Files.parent(of: #filePath))/../Fuzz/Corpora"

/// The names and bytes of a target's corpus.
private func corpus(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
  try Files.entries(of: "\(corpora)/\(target.name)").map { name in
    ("\(target.name)/\(name)", try Files.read("\(corpora)/\(target.name)/\(name)"))
  }
}

extension FuzzTarget: CustomTestStringConvertible {
  public var testDescription: String { name }

  /// What does not hold, or nil.
  fileprivate func fault(_ input: [UInt8]) -> String? {
    do {
      try run(input)
      return nil
    } catch {
      return "\(error)"
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `The fuzz targets` {
  @Test(arguments: FuzzTarget.all)
  func `hold for every file of their corpus`(target: FuzzTarget) throws {
    let files = try corpus(of: target)
    #expect(files.count >= 20, "the corpus is too small to begin with")
    for (name, bytes) in files {
      #expect(bytes.count <= target.maximumLength, "\(name) is longer than what is tried")
      if let fault = target.fault(bytes) { Issue.record("\(name): \(fault)") }
    }
  }

  @Test func `have a corpus each, and no corpus is without a target`() throws {
    let names = try Files.entries(of: corpora).map(\.description)
    #expect(names == FuzzTarget.all.map(\.name).sorted())
  }

  @Test(arguments: FuzzTarget.all)
  func `hold for files changed at random`(target: FuzzTarget) throws {
    let files = try corpus(of: target).map(\.bytes)
    // A round of recovery makes and removes a data directory; the other two hash whole files repeatedly.
    let isSlow = ["recovery", "checkpoint", "job-record"].contains(target.name)
    let rounds = isSlow ? 1_000 : 10_000
    let seed = Seed.next()
    var random = SeededGenerator(seed)
    for round in 0..<rounds {
      let input = mutate(files.randomElement(using: &random) ?? [], &random)
      guard let fault = target.fault(input) else { continue }
      Issue.record("\(target.name), round \(round): \(fault)\n\(input)")
      return
    }
  }
}

/// What the texts among the corpora are made of.
private let pieces = [
  "0", "9", "255", "256", "65535", "65536", "4294967296", "99999999999999999999999", ".", "-", "/",
  ":", ",", "@", "#", "*", "\n", "\r", "\r\n", " ", "\t", "\0", "\u{1b}", "::", "@ports ", "\u{feff}",
  "\u{e9}", "/33", "[", "]", "{", "}", "\"", "'", "=", "true", "\\u0000", "\"\"\"", "\u{2028}",
].map { Array($0.utf8) }

private func mutate(_ file: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
  var file = file
  for _ in 0..<Int.random(in: 1...6, using: &random) {
    let at = Int.random(in: 0...file.count, using: &random)
    let end = min(file.count, at + Int.random(in: 0...5, using: &random))
    switch Int.random(in: 0..<6, using: &random) {
    case 0: file.removeSubrange(at..<end)
    case 1: file.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: at)
    case 2: file.insert(UInt8.random(in: 0...255, using: &random), at: at)
    case 3: if at < file.count { file[at] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
    case 4: if at < file.count { file[at] = UInt8.random(in: 0...255, using: &random) }
    default:
      file.insert(contentsOf: file[at..<end], at: Int.random(in: 0...file.count, using: &random))
    }
  }
  return file
}
