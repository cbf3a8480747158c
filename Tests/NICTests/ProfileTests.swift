// Parsing profiles, and the messages about invalid ones.
import Foundation
import Kernel
import NIC
import Plan
import TestSupport
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `A profile` {
  @Test func `is parsed with its modes`() throws {
    let profile = try InterfaceProfile(
      toml: """
        mtu = 1500
        addresses = { value = ["198.18.0.1/24", "198.18.0.1/24"], mode = "wanted" }
        rings = { rx = 4096, tx = "max" }
        [channels]
        combined = { value = "cpus", mode = "required" }
        [coalescing]
        rx-usecs = { value = 50, mode = "wanted" }
        adaptive-rx = false
        [offloads]
        rx-gro = { mode = "wanted", value = false }
        [irq]
        affinity = "spread"
        """, file: "a.toml")
    #expect(profile.source == "a.toml")
    #expect(profile.quantities[.mtu] == Desired(.exactly(1500)))
    #expect(profile.addresses == Desired([InterfaceAddress("198.18.0.1/24")!], .wanted))
    #expect(profile.quantities[.rings(.rx)] == Desired(.exactly(4096)))
    #expect(profile.quantities[.rings(.tx)] == Desired(.max))
    #expect(profile.quantities[.channels(.combined)] == Desired(.processors))
    #expect(profile.quantities[.coalescing(.rxUsecs)] == Desired(.exactly(50), .wanted))
    #expect(profile.flags[.coalescingFlag(.adaptiveRX)] == Desired(false))
    #expect(profile.flags[.offload("rx-gro")] == Desired(false, .wanted))
    #expect(profile.affinity == Desired(.spread))
  }

  @Test(arguments: [
    (
      "[rings]\nrx = 4096\nrxx = 1",
      "p.toml:3:1: found the key \"rxx\", expected one of rx, tx"
    ),
    (
      "ring = 1",
      "p.toml:1:1: found the key \"ring\", expected one of mtu, addresses, rings, channels, "
        + "coalescing, offloads, irq"
    ),
    (
      "# comment\n\n[rings]\n  rx = \"most\"",
      "p.toml:4:3: found \"most\", expected a number from 1 to 1048576 or \"max\""
    ),
    ("mtu = 67", "p.toml:1:1: found 67, expected a number from 68 to 65535"),
    ("mtu = -1500", "p.toml:1:1: found -1500, expected a number from 68 to 65535"),
    ("mtu = 1500.5", "p.toml:1:1: found 1500.5, expected a number from 68 to 65535"),
    (
      "[rings]\nrx = 4294967296",
      "p.toml:2:1: found 4294967296, expected a number from 1 to 1048576 or \"max\""
    ),
    (
      "[channels]\ncombined = { value = 4, mode = \"must\" }",
      "p.toml:2:25: found \"must\", expected \"required\" or \"wanted\""
    ),
    (
      "[channels]\ncombined = { mode = \"wanted\" }",
      "p.toml:2:1: found a table without a value, expected { value = …, mode = \"wanted\" }"
    ),
    (
      "[channels]\ncombined = { value = 4, when = 1 }",
      "p.toml:2:25: found the key \"when\", expected one of value, mode"
    ),
    ("[offloads]\nrx-gro = 0", "p.toml:2:1: found 0, expected true or false"),
    ("[irq]\naffinity = \"all\"", "p.toml:2:1: found \"all\", expected \"spread\" or \"none\""),
    (
      "addresses = [\"198.18.0.1\"]",
      "p.toml:1:14: found \"198.18.0.1\", expected a list of addresses such as [\"198.18.0.1/24\"]"
    ),
    (
      "addresses = [\"198.18.0.1/33\"]",
      "p.toml:1:14: found \"198.18.0.1/33\", expected a list of addresses such as [\"198.18.0.1/24\"]"
    ),
    ("rings = 4096", "p.toml:1:1: found 4096, expected a section [rings]"),
    ("mtu = 1500\0garbage", "p.toml:1:11: found a NUL byte, expected the end of the line"),
    // The item of a list.
    (
      "addresses = [\n  \"198.18.0.1/24\",\n  \"198.18.0.2\",\n]",
      "p.toml:3:3: found \"198.18.0.2\", expected a list of addresses such as [\"198.18.0.1/24\"]"
    ),
    (
      "mtu = 1500\n\n[rings]\nrx = 1\n[rings]",
      "p.toml:5:2: found \"rings\" a second time, expected each key once; the first is at 3:2"
    ),
    // Unicode line breaks, and characters that must not reach a terminal.
    (
      "# \u{2028}\nmtu = 1", "p.toml:2:1: found 1, expected a number from 68 to 65535"
    ),
    (
      "mtu = \"\u{202e}\"", "p.toml:1:1: found \"\\u{202e}\", expected a number from 68 to 65535"
    ),
  ])
  func `that is invalid reports where, what was found and what was expected`(
    toml: String, message: String
  ) {
    #expect(fault { _ = try InterfaceProfile(toml: toml, file: "p.toml") } == message)
  }

  @Test(arguments: [
    ("mtu = ", 1), ("a = 1\n\n[rings\n", 3), ("mtu = 1\nmtu = 2", 2), ("x = \"", 1), ("=", 1),
    (String(repeating: "[", count: 10_000), 1),
    ("a = " + String(repeating: "[", count: 5_000), 1),
  ])
  func `that is not TOML reports the line`(toml: String, line: Int) {
    let error = #expect(throws: InputError.self) {
      try InterfaceProfile(toml: toml, file: "p.toml")
    }
    #expect(error?.line == line)
  }

  @Test func `that is not UTF-8, or too long, is rejected`() {
    let bytes = Array("mtu = 1500\n# gr".utf8) + [0xff, 0xfe]
    #expect(
      fault { _ = try InterfaceProfile(toml: bytes, file: "p.toml") }
        == "p.toml:2:5: found bytes that are not UTF-8, expected TOML text")
    #expect(
      fault {
        _ = try InterfaceProfile(toml: Array("# \u{2028}\u{fffd}\n".utf8) + [0xe7], file: "p.toml")
      }
        == "p.toml:2:1: found bytes that are not UTF-8, expected TOML text")
    let long = [UInt8](repeating: UInt8(ascii: "#"), count: 70_000)
    #expect(fault { _ = try InterfaceProfile(toml: long, file: "p") }.contains("more than 65536"))
  }

  @Test func `of garbage does not crash the parser`() {
    var random = SeededGenerator(Seed.next())
    let pieces = [
      "mtu", "=", "[", "]", "{", "}", "\"", "'", "rings", ".", "rx", "4096", "\n", " ", ",", "value",
      "mode", "\\u0000", "é", "true", "-", "1e9", "0x", "1979-05-27", "#", "offloads", "irq",
      "addresses", "198.18.0.1/24", "\r\n", "\"\"\"",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        pieces.randomElement(using: &random)!
      }.joined()
      _ = try? InterfaceProfile(toml: text, file: "p.toml")
    }
  }

  @Test func `is built in for each driver and equals the one in netconfig`() throws {
    let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../netconfig").standardized.path
    let files = try SmallFile.names(in: directory).filter { $0.hasSuffix(".toml") }
    #expect(files == BuiltInProfiles.drivers.map { "\($0).toml" })
    for driver in BuiltInProfiles.drivers {
      var file = try InterfaceProfile.lookUp(driver: driver, in: directory)
      let builtIn = try BuiltInProfiles.profile(driver: driver)
      #expect(builtIn.source == "built-in \(driver).toml")
      file.source = builtIn.source
      #expect(file == builtIn)
    }
  }

  @Test func `for an unknown driver is the default profile`() throws {
    #expect(try BuiltInProfiles.profile(driver: "e1000").source == "built-in default.toml")
    #expect(try BuiltInProfiles.profile(driver: nil).source == "built-in default.toml")
    #expect(try BuiltInProfiles.profile(driver: "../../etc").source == "built-in default.toml")
    let empty = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: empty) }
    #expect(
      fault { _ = try InterfaceProfile.lookUp(driver: "igb", in: empty.path) }
        .hasSuffix("Add igb.toml or default.toml"))
    #expect(
      fault { _ = try InterfaceProfile(path: empty.path + "/igb.toml") }
        .contains("No such file or directory (ENOENT)"))
  }
}
