// manage.toml, and the page that documents it.
import Foundation
import Plan
import Settings
import Testing

@testable import Manage

@Suite(.timeLimit(.minutes(5))) struct `The configuration of the service` {
  private static let least = "data = \"/data\"\nlisten = [\"192.0.2.1\"]\ntokens = \"tokens.toml\"\n"

  private func read(_ text: String) throws(InputError) -> ManageSettings {
    try ManageSettings(Array(text.utf8), file: "/etc/synbox/manage.toml")
  }

  @Test func `needs a data directory, an address and tokens`() throws {
    let settings = try read(Self.least)
    #expect(settings.data == "/data")
    #expect(settings.tokens == "/etc/synbox/tokens.toml")
    #expect(settings.listen.map(\.description) == ["192.0.2.1:8443"])
    #expect(settings.uploadLimit == 1 << 31)
    for line in Self.least.split(separator: "\n") {
      #expect(throws: InputError.self) { try read(Self.least.replacing("\(line)\n", with: "")) }
    }
  }

  @Test func `takes every key`() throws {
    let settings = try read(
      Self.least
        + """
        certificate = "c.pem"
        key = "k.pem"
        client-ca = "ca.pem"
        upload-limit = "10M"
        in-band = true
        connections = 5
        connections-per-address = 4
        attempts-per-minute = 3
        user = "1234:5678"
        """)
    #expect(settings.clientCA == "/etc/synbox/ca.pem")
    #expect(settings.uploadLimit == 10 << 20)
    #expect(settings.inBand)
    #expect(
      (settings.connections, settings.connectionsPerAddress, settings.attemptsPerMinute) == (5, 4, 3))
    #expect(settings.user?.description == "1234:5678")
  }

  @Test(arguments: [
    ("color = 1", "color"), ("certificate = \"c.pem\"", "no key"),
    ("key = \"c.pem\"", "no certificate"),
    ("user = \"0:0\"", "\"0:0\""), ("user = \"root\"", "root"), ("upload-limit = \"many\"", "many"),
    ("in-band = 1", "1"), ("connections = 0", "0"),
  ])
  func `with a mistake is refused`(_ line: String, _ found: String) throws {
    let error = #expect(throws: InputError.self) { try read(Self.least + line + "\n") }
    #expect(try #require(error).description.contains(found))
  }

  @Test(arguments: [
    ("192.0.2.1:443", "192.0.2.1:443"), ("0.0.0.0", "0.0.0.0:8443"), ("mgmt0", "mgmt0:8443"),
    ("enp3s0.10:9000", "enp3s0.10:9000"), ("", nil), (":8443", nil), ("192.0.2.1:", nil),
    ("192.0.2.1:0", nil),
    ("192.0.2.1:65536", nil), ("192.0.2.01", nil), ("192.0.2", nil), ("a/b", nil), ("a b", nil),
    ("abcdefghijklmnop", nil), ("::1", nil), ("192.0.2.1:+1", nil),
  ])
  func `names places to listen`(_ text: String, _ expected: String?) {
    #expect(ListenPlace(text)?.description == expected)
  }

  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/reference/manage.md")

  /// `make reference` writes the page instead.
  @Test func `stands on the reference page as it is`() throws {
    let page = try String(contentsOf: Self.page, encoding: .utf8)
    let table = ManageSettings.settings.markdown(
      of: ManageSettings(),
      [(.key, "key"), (.type, "type"), (.standard, "default"), (.meaning, "meaning")])
    let expected = try #require(GeneratedPage.replacing("manage.toml", in: page, with: table))
    if ProcessInfo.processInfo.environment["SYNBOX_WRITE_REFERENCE"] != nil {
      try Data(expected.utf8).write(to: Self.page)
    } else {
      #expect(page == expected, "`make reference` writes the page again")
    }
  }
}
