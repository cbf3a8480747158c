import Foundation
import LabSupport
import LabTraits
import Testing

private func list(_ arguments: [String]) throws -> [String] {
  // As user nobody, because `list` needs no privilege.
  let outcome = try run(
    ["setpriv", "--reuid", "65534", "--clear-groups", Lab.synbox, "list"] + arguments)
  guard outcome.status == 0 else { throw LabError(outcome.errors) }
  return outcome.lines
}

@Suite(.timeLimit(.minutes(10))) struct `synbox list` {
  @Test func `prints each target of a /16 and two ports once, without privilege`() throws {
    let pairs = try list(["-p", "80,443", "198.18.0.0/16"])
    #expect(pairs.count == 131_072)
    #expect(Set(pairs).count == 131_072)
  }

  @Test func `divides targets into shards, in an order that only the seed determines`() throws {
    let arguments = ["-p", "80,443", "-e", "5", "198.18.0.0/20"]
    let whole = try list(arguments)
    #expect(try list(arguments) == whole)
    #expect(try list(["-p", "80,443", "-e", "6", "198.18.0.0/20"]) != whole)
    let shards = try (0..<3).map { try list(arguments + ["--shards", "3", "--shard", "\($0)"]) }
    #expect(shards.map(\.count).reduce(0, +) == whole.count)
    #expect(Set(shards.flatMap(\.self)) == Set(whole))
  }

  @Test func `prints the same targets in binary`() throws {
    let text = try list(["-p", "80", "-e", "1", "198.18.0.0/28"])
    let bytes = Array(
      try run([Lab.synbox, "list", "--binary", "-p", "80", "-e", "1", "198.18.0.0/28"]).outputBytes)
    #expect(bytes.count == 16 * 6)
    let decoded = stride(from: 0, to: bytes.count, by: 6).map { at in
      bytes[at..<at + 4].map { String($0) }.joined(separator: ".")
        + ",\(Int(bytes[at + 4]) << 8 | Int(bytes[at + 5]))"
    }
    #expect(decoded == text)
  }

  @Test func `skips special-purpose space within a wider target, but not as a target`() throws {
    #expect(try list(["-p", "80", "198.18.0.0/30"]).count == 4)
    // 203.0.112.0/22 includes the documentation block 203.0.113.0/24.
    #expect(try list(["-p", "80", "203.0.112.0/22"]).count == 768)
  }

  @Test func `obeys deny and allow lists`() throws {
    let directory = try Lab.temporaryDirectory()
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory)
    let deny = "\(directory)/deny"
    try "198.18.0.0/25 # the lower half\n198.18.0.200-198.18.0.210\n".write(
      toFile: deny, atomically: true, encoding: .utf8)
    let kept = try run([Lab.synbox, "list", "-p", "80", "-b", deny, "198.18.0.0/24"]).lines
    #expect(kept.count == 128 - 11)
    let both = try run([Lab.synbox, "list", "-p", "80", "-w", deny, "198.18.0.0/24"]).lines
    #expect(both.count == 128 + 11)
  }
}

@Suite(.lab, .timeLimit(.minutes(10))) struct `The binary` {
  @Test func `is static, small when stripped, and prints its version`() throws {
    let file = try run(["file", Lab.synbox]).output
    #expect(file.contains("statically linked"))
    let stripped = "\(try Lab.temporaryDirectory())/synbox"
    try run(["strip", "-o", stripped, Lab.synbox])
    let size = try FileManager.default.attributesOfItem(atPath: stripped)[.size] as? Int ?? .max
    #expect(size <= 21_500_000)
    let version = try run([stripped, "version"])
    #expect(version.status == 0)
    for word in ["synbox ", "Swift 6", "clang ", "libbpf 1", "libxdp 1"] {
      #expect(version.output.contains(word))
    }
  }

  @Test func `prints the same version for --version`() throws {
    let option = try run([Lab.synbox, "--version"])
    #expect(option.status == 0, "\(option.errors)")
    #expect(option.output == (try run([Lab.synbox, "version"])).output)
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `prints a completion script, which --help mentions`(shell: String) throws {
    #expect(try run([Lab.synbox, "--help"]).output.contains("--generate-completion-script"))
    let script = try run([Lab.synbox, "--generate-completion-script", shell])
    #expect(script.status == 0, "\(script.errors)")
    #expect(script.output.contains("special-purpose"))
    guard shell == "bash" else { return }
    let check = try run(["bash", "-n"], input: Data(script.output.utf8))
    #expect(check.status == 0 && check.errors.isEmpty, "\(check.errors)")
  }
}
