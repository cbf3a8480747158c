import Plan
import TestSupport
import Testing

/// Files changed at random: whatever comes in, the answer is a plan or a place in the file.
@Suite struct GrammarFuzzTests {
  private static let samples: [[UInt8]] = [
    octets("@ports 80,443\r\n@rate 1.5M\n# c\n198.18.0.0/15:1-5,7\n10.0.0.1-10.0.0.9\n198.18.0.1:80"),
    octets("\u{feff}@shard 0/4\n@seed 7\n@cooldown 1.5h\n@bandwidth 12MB\n192.0.2.1:*#x\n"),
    [10, 0, 0, 1, 198, 18, 0, 1, 200, 200, 200, 200, 0, 0, 0, 0],
    octets("1.2.3.4/32:1\n\n\t 1.2.3.4 \t\n2001:db8::1\nexample.com:80\n\0\n"),
  ]
  private static let pieces = [
    "0", "9", "255", "256", "65535", "65536", "4294967296", "99999999999999999999999", ".", "-", "/",
    ":", ",",
    "@", "#", "*", "\n", "\r", "\r\n", " ", "\t", "\0", "\u{1b}", "::", "@ports ", "\u{feff}", "\u{e9}",
    "/33",
  ].map(octets)

  private func mutate(_ file: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var file = file
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let at = Int.random(in: 0...file.count, using: &random)
      let end = min(file.count, at + Int.random(in: 0...5, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: file.replaceSubrange(at..<end, with: [])
      case 1: file.insert(contentsOf: Self.pieces.randomElement(using: &random)!, at: at)
      case 2: file.insert(UInt8.random(in: 0...255, using: &random), at: at)
      case 3: if at < file.count { file[at] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
      default:
        file.insert(contentsOf: file[at..<end], at: Int.random(in: 0...file.count, using: &random))
      }
    }
    return file
  }

  /// The octets of each line, as an independent reading of the file has them.
  private func lengths(_ file: [UInt8]) -> [Int] {
    let text = file.starts(with: [0xef, 0xbb, 0xbf]) ? file.dropFirst(3) : file[...]
    return text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(\.count)
  }

  private func isWithin(_ error: InputError, _ file: [UInt8]) -> Bool {
    switch error.place {
    case .file: return false
    case .octet(let offset): return 0...file.count ~= offset
    case .line(let line, let column):
      let lengths = lengths(file)
      return 1...lengths.count ~= line && 1...lengths[line - 1] + 1 ~= column
    }
  }

  @Test func `any octets give targets or a mistake within the file`() {
    var random = SeededGenerator(fuzzSeed)
    for trial in 0..<30_000 {
      let file = mutate(Self.samples.randomElement(using: &random)!, &random)
      for format in TargetFile.Format.allCases {
        let all = TargetFile.check(file, name: "f", format: format)
        var first: InputError?
        do {
          let parsed = try TargetFile.parse(file, name: "f", format: format)
          if parsed.entryCount == 0 { Issue.record("seed \(fuzzSeed), trial \(trial): empty") }
        } catch {
          first = error
        }
        let printable = all.allSatisfy { error in
          error.description.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } && error.found.count < 300
        }
        if first != all.first || !printable || !all.allSatisfy({ isWithin($0, file) }) {
          Issue.record("seed \(fuzzSeed), trial \(trial), \(format): \(file) \(all)")
          return
        }
      }
    }
  }

  @Test func `any octets are an address list or a mistake within the file`() {
    var random = SeededGenerator(fuzzSeed + 1)
    for trial in 0..<30_000 {
      let file = mutate(Self.samples.randomElement(using: &random)!, &random)
      do {
        _ = try AddressList.parse(file, name: "f", allowEmpty: true)
      } catch  where !isWithin(error, file) {
        Issue.record("seed \(fuzzSeed + 1), trial \(trial): \(file) \(error)")
        return
      } catch {}
    }
  }

  @Test func `any text is a value or refused`() {
    var random = SeededGenerator(fuzzSeed + 2)
    let samples = ["80,443-445", "1.5M", "12MB", "3/4", "10.5%", "0.5h", "10.0.0.0/8,1.2.3.4-1.2.3.9"]
      .map(octets)
    let types: [any ParsableValue.Type] = [
      PortSet.self, PortRange.self, PacketRate.self, Bandwidth.self, Shard.self, Seed.self,
      ProbeCount.self,
      Priority.self, MaxTargets.self, Duration.self, AddressSet.self,
    ]
    for trial in 0..<5_000 {
      let octets = mutate(samples.randomElement(using: &random)!, &random)
      let text = String(decoding: octets, as: UTF8.self)
      for type in types {
        do throws(ValueError) {
          _ = try type.init(parsing: text)
        } catch {
          #expect(0...text.utf8.count ~= error.offset, "seed \(fuzzSeed + 2), trial \(trial): \(text)")
        }
      }
    }
  }
}
