// Parsing box.toml, and the positions in its errors.
import Init
import NIC
import Plan
import Testing
import Wire

private func read(_ text: String) throws(InputError) -> BoxSettings {
  try BoxSettings(Array(text.utf8), file: "box.toml")
}

/// A valid box.toml, except for the lines that a test replaces.
private func settings(
  name: String = "name = \"box-1\"", selector: String = "driver = \"igb\"",
  rename: String = "name = \"scan0\"", address: String = "address = \"198.18.0.1/15\"",
  gateway: String = "", sections: String = ""
) -> String {
  [name, "[interface]", selector, rename, address, gateway, sections].joined(separator: "\n") + "\n"
}

@Suite(.timeLimit(.minutes(5))) struct `PID 1's configuration` {
  @Test func `is parsed completely`() throws {
    let box = try read(
      settings(
        selector: "driver = \"igb\"\nmac = \"52:54:00:12:34:56\"\nbus = \"0000:00:03.0\"",
        address: "address = [\"198.18.0.1/15\", \"10.0.0.2/8\"]",
        gateway: "gateway = \"198.19.255.254\"",
        sections: """
          [watchdog]
          seconds = 0
          [modules]
          always = ["ext4", "nls_cp437"]
          [scanner]
          heartbeat-seconds = 30
          """))
    #expect(box.name == "box-1")
    #expect(box.interface.driver == "igb")
    #expect(box.interface.mac == MACAddress("52:54:00:12:34:56"))
    #expect(box.interface.bus == "0000:00:03.0")
    #expect(box.interface.name == "scan0")
    #expect(box.interface.addresses.map(\.description) == ["198.18.0.1/15", "10.0.0.2/8"])
    #expect(box.interface.gateway == IPv4Address(198, 19, 255, 254))
    #expect(box.watchdogSeconds == 0)
    #expect(box.modules == ["ext4", "nls_cp437"])
    #expect(box.heartbeatSeconds == 30)
  }

  @Test func `has a watchdog of 30 s and a heartbeat timeout of 15 s by default`() throws {
    let box = try read(settings())
    #expect(box.watchdogSeconds == 30)
    #expect(box.heartbeatSeconds == 15)
    #expect(box.modules.isEmpty)
    #expect(box.interface.gateway == nil)
  }

  @Test func `has a management NIC only if it says so`() throws {
    #expect(try read(settings()).management == nil)
    let fixed = try #require(
      try read(
        settings(
          sections: """
            [management]
            mac = "52:54:00:12:34:57"
            address = "192.0.2.10/24"
            gateway = "192.0.2.1"
            dns = ["192.0.2.53", "9.9.9.9"]
            """)
      ).management)
    #expect(fixed.mac == MACAddress("52:54:00:12:34:57") && fixed.driver == nil)
    #expect(
      fixed.fixed?.description
        == "192.0.2.10/24, gateway 192.0.2.1, name servers 192.0.2.53, 9.9.9.9")
    let asking = try #require(
      try read(settings(sections: "[management]\ndriver = \"e1000e\"\naddress = \"dhcp\"")).management)
    #expect(asking.address == .dhcp && asking.fixed == nil)
  }

  @Test(arguments: [
    // The line, and a part of the message.
    (settings(sections: "[management]\naddress = \"dhcp\""), 7, "driver, mac or bus"),
    (settings(sections: "[management]\ndriver = \"igb\""), 7, "no address"),
    (
      settings(sections: "[management]\ndriver = \"igb\"\naddress = \"192.0.2.255/24\""), 9,
      "the address of a host"
    ),
    (
      settings(sections: "[management]\ndriver = \"igb\"\naddress = \"auto\""), 9,
      "the address of a host"
    ),
    (
      settings(
        sections:
          "[management]\ndriver = \"igb\"\naddress = \"192.0.2.1/24\"\ngateway = \"192.0.3.1\""), 10,
      "in the network of the NIC"
    ),
    (
      settings(
        sections:
          "[management]\ndriver = \"igb\"\naddress = \"dhcp\"\ngateway = \"192.0.2.1\""), 10,
      "the server gives it"
    ),
    (
      settings(
        sections: "[management]\ndriver = \"igb\"\naddress = \"dhcp\"\ndns = [\"192.0.2.53\"]"), 10,
      "the server gives it"
    ),
    (
      settings(
        sections:
          "[management]\ndriver = \"igb\"\naddress = \"192.0.2.1/24\"\ndns = [\"224.0.0.1\"]"), 10,
      "at most three addresses"
    ),
    (
      settings(
        sections:
          "[management]\ndriver = \"igb\"\naddress = \"192.0.2.1/24\"\n"
          + "dns = [\"9.9.9.9\", \"9.9.9.8\", \"9.9.9.7\", \"9.9.9.6\"]"), 10, "at most three addresses"
    ),
    (settings(name: ""), 1, "no name"),
    (settings(name: "name = \"-box\""), 1, "a host name"),
    (settings(name: "name = \"box\\nroot\""), 1, "a host name"),
    (settings(name: "nmae = \"box-1\""), 1, "the key \"nmae\""),
    ("name = \"box-1\"\n", 1, "no interface"),
    ("name = \"box-1\"\ninterface = \"eth0\"\n", 2, "a section [interface]"),
    (settings(selector: ""), 2, "driver, mac or bus"),
    (settings(selector: "driver = \"../igb\""), 3, "a driver name"),
    (settings(selector: "mac = \"ff:ff:ff:ff:ff:ff\""), 3, "a unicast MAC address"),
    (settings(selector: "mac = \"01:00:5e:00:00:01\""), 3, "a unicast MAC address"),
    (settings(selector: "bus = \"3\""), 3, "a PCI address"),
    (settings(selector: "bus = \"0000:00:03,0\""), 3, "a PCI address"),
    (settings(rename: ""), 2, "no name"),
    (settings(rename: "name = \"a-name-too-long-\""), 4, "at most 15 bytes"),
    (settings(rename: "name = \"../x\""), 4, "an interface name"),
    (settings(rename: "name = \"lo\""), 4, "an interface name"),
    (settings(rename: "name = \"all\""), 4, "an interface name"),
    (settings(address: ""), 2, "no address"),
    (settings(address: "address = []"), 5, "an empty list"),
    (settings(address: "address = \"198.18.0.1\""), 5, "an address such as"),
    (settings(address: "address = \"198.18.0.1/0\""), 5, "an address such as"),
    (settings(address: "address = \"127.0.0.1/8\""), 5, "an address such as"),
    (settings(address: "address = \"224.0.0.1/24\""), 5, "an address such as"),
    (settings(address: "address = [\"198.18.0.1/15\", 3]"), 5, "an address such as"),
    (settings(gateway: "gateway = \"10.0.0.1\""), 6, "in a network of the interface"),
    (settings(gateway: "gateway = \"198.18.0.1\""), 6, "another host"),
    (settings(sections: "[watchdog]\nseconds = -1"), 8, "a number from 0 to 3600"),
    (settings(sections: "[watchdog]\nseconds = \"30\""), 8, "a number from 0 to 3600"),
    (settings(sections: "[watchdog]\nsecond = 3"), 8, "the key \"second\""),
    (settings(sections: "[modules]\nalways = \"ext4\""), 8, "a list of module names"),
    (settings(sections: "[modules]\nalways = [\"../../x\"]"), 8, "a list of module names"),
    (settings(sections: "[scanner]\nheartbeat-seconds = 1"), 8, "a number from 5 to 600"),
    (settings(sections: "[network]"), 7, "the key \"network\""),
  ])
  func `is rejected with the line of the error`(text: String, line: Int, words: String) {
    do {
      let box = try read(text)
      Issue.record("read as \(box)")
    } catch {
      #expect(error.line == line, "\(error)")
      #expect("\(error)".contains(words), "\(error)")
    }
  }
}
