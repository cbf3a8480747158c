// Mistakes in a configuration are reported before anything is opened.
import Foundation
import Plan
import Testing

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `The configuration` {
  static let head = "data = \"/data\"\ninterface = \"eth0\"\n"
  static let scope = "[scope]\nallow = [\"198.18.0.0/15\"]\n"

  /// Each invalid configuration, and a part of its message.
  static let mistakes: [(String, String)] = [
    ("interface = \"eth0\"\n\(scope)", "synbox.toml:1:1: found no data, expected data = "),
    ("\(head)", "synbox.toml:1:1: found no scope, expected [scope] with allow"),
    ("\(head)[scope]\ndeny = \"198.18.0.1\"\n", "synbox.toml:3:2: found a scope that allows nothing"),
    ("\(head)[scope]\nallow = []\n", "synbox.toml:4:1: found an empty list, expected"),
    ("\(head)[scope]\nallow = \"198.18.0.0/33\"\n", "synbox.toml:4:1: found "),
    ("\(head)[scope]\nallow-file = \"none\"\n", "synbox.toml:4:1: found a list that cannot be read"),
    ("\(head)[scope]\nallow-file = \"bad.list\"\n", "bad.list:2:12: found "),
    ("\(head)\(scope)deny-file = \"empty.list\"\n", "empty.list:2:1: found no entry"),
    ("\(head)\(scope)deny-file = \"cut.list\"\n", "cut.list:1:14: found the end of the file, expected"),
    (
      "\(head)\(scope)deny-file = \".\"\n",
      "synbox.toml:5:1: found a list that cannot be read (. is not a regular file)"
    ),
    ("\(head)\(scope)deny-file = \"fifo\"\n", "fifo is not a regular file)"),
    (
      "\(head)\(scope)special-purpose = \"on\"\n",
      "synbox.toml:5:1: found \"on\", expected one of \"skip\", \"probe\""
    ),
    (
      "\(head)colour = 1\n\(scope)", "synbox.toml:3:1: found the key \"colour\", expected one of data, "
    ),
    ("\(head)\(scope)alow = 1\n", "synbox.toml:5:1: found the key \"alow\", expected one of allow, "),
    (
      "\(head)rate = \"fast\"\n\(scope)", "synbox.toml:3:1: found \"fast\", expected packets per second"
    ),
    ("\(head)rate = true\n\(scope)", "synbox.toml:3:1: found true, expected text, a number"),
    ("\(head)transmit = \"smoke\"\n\(scope)", "expected one of \"auto\", \"generator\", \"xdp\""),
    ("\(head)output-fields = \"saddr,x\"\n\(scope)", "synbox.toml:3:1: found the field \"x\""),
    (
      "\(head)output-fields = [\"saddr\", \"saddr\"]\n\(scope)",
      "synbox.toml:3:27: found the field \"saddr\" twice, expected each field once"
    ),
    (
      "\(head)report = \"\\u001b[2J\"\n\(scope)", "synbox.toml:3:1: found \"\\x1b[2J\", expected one of"
    ),
    (
      "\(head)rst = \"in-place\"\n\(scope)",
      "synbox.toml:3:1: found \"in-place\", expected \"auto\" or \"transmitter\": the receive program cannot check"
    ),
    ("\(head)rst = \"smoke\"\n\(scope)", "found \"smoke\", expected \"auto\" or \"transmitter\""),
    ("\(head)batch = 5000\n\(scope)", "synbox.toml:3:1: found 5000, expected a number from 1 to 4096"),
    ("\(head)event-ring = 5000\n\(scope)", "found \"5000\", expected a power of two from 4096 bytes"),
    ("\(head)event-ring = \"64X\"\n\(scope)", "synbox.toml:3:1: found \"X\", expected bytes such as"),
    ("\(head)dedupe-memory = \"1K\"\n\(scope)", "synbox.toml:3:1: found \"1K\", expected at least 64K"),
    (
      "\(head)disk-high-water = 0\n\(scope)",
      "synbox.toml:3:1: found 0, expected a number from 1 to 100"
    ),
    (
      "\(head)user = \"0:0\"\n\(scope)",
      "synbox.toml:3:1: found \"0:0\", expected a user that is not root"
    ),
    (
      "\(head)user = \"root\"\n\(scope)",
      "synbox.toml:3:1: found \"root\", expected a user that is not root"
    ),
    ("\(head)user = \"7:0\"\n\(scope)", "synbox.toml:3:1: found \"7:0\", expected a user"),
    (
      "\(head)user = \"4294967295\"\n\(scope)", "synbox.toml:3:1: found \"4294967295\", expected a user"
    ),
    ("\(head)user = \"a:b\"\n\(scope)", "synbox.toml:3:1: found \"a:b\", expected a user"),
    ("\(head)user = -1\n\(scope)", "synbox.toml:3:1: found \"-1\", expected a user"),
    ("\(head)lock-memory = false\n\(scope)", "synbox.toml:3:1: found false, expected text"),
    ("\(head)log = \"syslog\"\n\(scope)", "expected one of \"stderr\", \"kernel\""),
    (
      "\(head)gateway-mac = \"01:00:00:00:00:01\"\n\(scope)", "expected an Ethernet address of one host"
    ),
    ("\(head)rate = \n", "synbox.toml:3:"),
    ("\(head)[=\n", "synbox.toml:3:2: found \"=\""),
    ("\(head)x = \u{0}\n", "found a NUL byte"),
  ]

  /// Reads a configuration and its lists, as `synbox check` and a starting box do. Returns the mistake in them.
  private func mistake(_ text: String) throws -> String? {
    let root = FileManager.default.temporaryDirectory.appending(path: "conf-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    try Data("198.18.0.0/16\n".utf8).write(to: root.appending(path: "good.list"))
    try Data("198.18.0.0/16\n198.18.0.0/33\n".utf8).write(to: root.appending(path: "bad.list"))
    try Data("# nothing\n".utf8).write(to: root.appending(path: "empty.list"))
    try Data("198.18.0.0/16".utf8).write(to: root.appending(path: "cut.list"))
    _ = unsafe mkfifo(root.appending(path: "fifo").path, 0o644)
    let file = root.appending(path: "synbox.toml")
    try Data(text.utf8).write(to: file)
    do {
      _ = try LoadedConfiguration(path: file.path)
      return nil
    } catch let error as InputError {
      return error.description.replacing(root.path + "/", with: "")
    }
  }

  @Test func `may set every key`() throws {
    let mistake = try mistake(
      Self.head + """
        profile = "auto"
        source-ip = ["198.18.0.1", "198.18.0.8-198.18.0.15"]
        source-port = "40000-50000"
        gateway-mac = "02:00:00:00:00:01"
        transmit = "packet"
        receive = "xdp-generic"
        rst = "transmitter"
        report = "all"
        rate = 100000
        bandwidth = "1G"
        probes = 2
        cooldown-time = 0.5
        target-ports = [80, "443", "8000-8010"]
        output-module = "json"
        output-fields = ["saddr", "sport", "ttl"]
        probe-options = "linux"
        sender-threads = 2
        batch = 128
        event-ring = "16M"
        dedupe-memory = "256M"
        max-runtime = "1h"
        log = "kernel"
        user = "60900:60901"
        lock-memory = "wanted"
        disk-high-water = 80
        max-spool = "1G"
        [scope]
        allow = "198.18.0.0/15"
        allow-file = "good.list"
        deny = ["198.18.5.0/24"]
        deny-file = "good.list"
        special-purpose = "probe"
        """)
    #expect(mistake == nil)
  }

  @Test(arguments: mistakes)
  func `is rejected with file, line and column`(_ text: String, _ message: String) throws {
    let mistake = try #require(try mistake(text))
    #expect(mistake.contains(message), "\(mistake)")
    #expect(!mistake.contains("\n"))
  }
}
