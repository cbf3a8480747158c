// Invalid sites. The image builder refuses what `synbox init` or `synbox serve` would refuse.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.lab, .timeLimit(.minutes(10))) struct `An invalid site` {
  struct Case: CustomTestStringConvertible, Sendable {
    let file: String
    let old: String
    let new: String
    let words: [String]
    var testDescription: String { "\(file): \(new.isEmpty ? "without \(old)" : new)" }

    init(_ file: String, _ old: String, _ new: String, _ words: String...) {
      self.file = file
      self.old = old
      self.new = new
      self.words = words
    }
  }

  static let cases = [
    Case("synbox.toml", "[scope]\nallow-file = \"allow\"\n", "", "no scope", "expected [scope]"),
    Case(
      "synbox.toml", "allow-file = \"allow\"", "deny = [\"198.18.0.1\"]", "a scope that allows nothing"),
    Case("synbox.toml", "\"allow\"", "\"/etc/synbox/allow\"", "the name of a file beside synbox.toml"),
    Case("synbox.toml", "\"allow\"", "\"../allow\"", "the name of a file beside synbox.toml"),
    Case(
      "synbox.toml", "\"allow\"", "\"missing\"", "synbox.toml:9:1: found a list that cannot be read",
      "missing"),
    Case("synbox.toml", "\"20k\"", "\"fast\"", "synbox.toml:4:1", "\"fast\""),
    Case("synbox.toml", "rate =", "rat =", "the key \"rat\""),
    Case(
      "synbox.toml", "\"/data\"", "\"/srv\"", "synbox.toml:1:1", "where init mounts the data partition"),
    Case("synbox.toml", "\"scan0\"", "\"eth0\"", "the interface name in box.toml"),
    Case("synbox.toml", "data = \"/data\"", "data = ", "synbox.toml:1:"),
    Case("allow", "198.18.0.0/15", "198.18.0.0/33", "allow:2:12: found \"33\""),
    Case("box.toml", "name = \"lab\"", "nam = \"lab\"", "box.toml:2:1", "the key \"nam\""),
    Case("box.toml", "name = \"lab\"", "name = \"a_b\"", "letters, digits and hyphens"),
    Case("box.toml", "driver = \"igb\"", "", "box.toml:4:", "driver, mac or bus"),
    Case(
      "box.toml", "driver = \"igb\"", "driver = \"e1000\"", "found the driver e1000", "igb, virtio_net"),
    Case(
      "box.toml", "driver = \"igb\"", "mac = \"01:00:00:00:00:01\"", "a unicast MAC address"),
    Case("box.toml", "driver = \"igb\"", "bus = \"3.0\"", "a PCI address such as"),
    Case("box.toml", "\"scan0\"", "\"a-name-that-is-too-long\"", "at most 15 bytes"),
    Case(
      "box.toml", "\"198.18.0.1/24\"", "[\"198.18.0.1/24\", \"198.18.0.1/99\"]", "\"198.18.0.1/99\""),
    Case(
      "box.toml", "\"198.18.0.254\"", "\"198.19.0.254\"", "in a network of the interface"),
    Case("box.toml", "seconds = 30", "seconds = 3601", "a number from 0 to 3600"),
    Case("box.toml", "seconds = 30", "secs = 30", "the key \"secs\""),
    Case("box.toml", "[watchdog]", "[modules]\nalways = []\n[watchdog]", "the key \"modules\""),
    Case("image.toml", "\"ttyS0\"", "\"ttyS0 init=/bin/sh\"", "a list of consoles"),
  ]

  @Test(arguments: cases)
  func `is refused with file and line`(_ example: Case) throws {
    let fixture = try BuildFixture()
    try fixture.change(fixture.site.appending(path: example.file), example.old, to: example.new)
    let outcome = try fixture.build()
    #expect(outcome.status == 2, "\(outcome.errors)")
    for word in example.words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    #expect(!FileManager.default.fileExists(atPath: fixture.output.path))
  }

  @Test func `is refused if synbox.toml does not name a file in it`() throws {
    let fixture = try BuildFixture()
    try fixture.write("198.18.0.9\n", to: fixture.site.appending(path: "deny"))
    let outcome = try fixture.build()
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("sites/lab/deny: found a file that synbox.toml does not name"))
  }

  static let services = [
    Case("manage.toml", "\"/data\"", "\"/srv\"", "where init mounts the data partition"),
    Case("manage.toml", "\"mgmt0:8443\"", "\"mgmt0:443\"", "where PID 1 opens the socket"),
    Case(
      "manage.toml", "tokens =", "certificate = \"c.pem\"\nkey = \"k.pem\"\ntokens =", "a private key"),
    Case("manage.toml", "tokens =", "user = \"5:5\"\ntokens =", "in-band or user"),
    Case("manage.toml", "\"tokens\"", "\"../tokens\"", "the name of a file beside manage.toml"),
    Case("manage.toml", "\"tokens\"", "\"/etc/tokens\"", "the name of a file beside manage.toml"),
    Case("manage.toml", "data =", "dat =", "manage.toml:1:1", "the key \"dat\""),
    Case("tokens", "role", "rule", "tokens:4:1", "\"rule\""),
    Case(
      "tokens", "[[token]]", "# -----BEGIN PRIVATE KEY-----\n[[token]]", "tokens: found a private key"),
    Case("box.toml", BuildFixture.management, "", "a section [management] in box.toml"),
  ]

  @Test(arguments: services)
  func `is refused if a box could not run its management service`(_ example: Case) throws {
    let fixture = try BuildFixture()
    try fixture.addService()
    try fixture.change(fixture.site.appending(path: example.file), example.old, to: example.new)
    let outcome = try fixture.build(["--manage", BuildFixture.manage])
    #expect(outcome.status == 2, "\(outcome.errors)")
    for word in example.words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
  }

  @Test func `is refused if the image is not to have the program of its service`() throws {
    let fixture = try BuildFixture()
    try fixture.addService()
    let outcome = try fixture.build()
    #expect(outcome.status == 2 && outcome.errors.contains("--manage"), "\(outcome.errors)")
  }

  static let agents = [
    Case("agent.toml", "\"/data\"", "\"/srv\"", "where init mounts the data partition"),
    Case("agent.toml", "/data/identity", "/etc/identity", "where synimage identity puts it"),
    Case("agent.toml", "data =", "user = \"5:5\"\ndata =", "an image has one user for it"),
    Case("agent.toml", "data =", "dat =", "agent.toml:1:1", "the key \"dat\""),
    Case("synbox.toml", "licence = \"fleet/licence\"\n", "", "no licence", "which the agent writes"),
    Case("box.toml", BuildFixture.management, "", "a section [management] in box.toml"),
  ]

  @Test(arguments: agents)
  func `is refused if a box could not work for its fleet`(_ example: Case) throws {
    let fixture = try BuildFixture()
    try fixture.addAgent()
    try fixture.change(fixture.site.appending(path: example.file), example.old, to: example.new)
    let outcome = try fixture.build(["--agent", BuildFixture.agent])
    #expect(outcome.status == 2, "\(outcome.errors)")
    for word in example.words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    let without = try fixture.build()
    #expect(without.status == 2 && without.errors.contains("agent"), "\(without.errors)")
  }

  @Test func `is refused if it does not exist`() throws {
    let outcome = try BuildFixture().build(["--site", "nowhere"])
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("sites/nowhere: found no directory"))
  }

  @Test func `is refused if box.toml is not UTF-8`() throws {
    let fixture = try BuildFixture()
    try Data([0xff, 0xfe, 0x00]).write(to: fixture.site.appending(path: "box.toml"))
    let outcome = try fixture.build()
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("box.toml:1:1: found bytes that are not UTF-8"))
  }
}
