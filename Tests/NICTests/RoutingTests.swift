// Routes, neighbours and ARP, against the real kernel.
import Kernel
import NIC
import Testing
import Wire

@Suite struct `Routing out of an interface` {
  @Test func `names the gateway, the link itself, or the lack of a route`() async throws {
    try await Lab.run { lab in
      try lab.connect()
      let control = try NetworkControl()
      let interface = try control.state(of: "v0")
      let near = try control.route(to: IPv4Address(198, 19, 7, 7), via: interface)
      #expect(near.gateway == nil)
      #expect(near.outInterface == interface.index)
      #expect(near.preferredSource == IPv4Address(198, 18, 0, 1))

      // The kernel alone would call this "on the link".
      let far = IPv4Address(203, 0, 113, 1)
      let text = fault { _ = try control.route(to: far, via: interface) }
      #expect(text.hasPrefix("there is no route to 203.0.113.1 out of v0: "))
      #expect(text.contains("ip route add default via GATEWAY dev v0"))

      try lab.ip("route add default via 198.18.0.2")
      #expect(try control.route(to: far, via: interface).gateway == IPv4Address(198, 18, 0, 2))
      #expect(
        try control.onLinkPrefixes(of: interface).map(\.description) == ["198.18.0.0/15"])
      #expect(try control.isLocal(IPv4Address(198, 18, 0, 1)))
      #expect(try !control.isLocal(IPv4Address(198, 18, 0, 2)))
      #expect(try !control.isLocal(far))
    }
  }

  @Test func `knows neighbours that answered, not those that failed`() async throws {
    try await Lab.run { lab in
      try lab.connect()
      try lab.ip("neighbour add 198.18.0.50 lladdr 02:00:00:00:00:50 dev v0 nud permanent")
      try lab.ip("neighbour add 198.18.0.51 lladdr 02:00:00:00:00:51 dev v0 nud stale")
      try lab.ip("neighbour add 198.18.0.52 lladdr 02:00:00:00:00:52 dev v0 nud failed")
      let control = try NetworkControl()
      let known = try control.neighbours(of: control.state(of: "v0"))
      #expect(known[IPv4Address(198, 18, 0, 50)] == MACAddress(0x0200_0000_0050))
      #expect(known[IPv4Address(198, 18, 0, 51)] == MACAddress(0x0200_0000_0051))
      #expect(known[IPv4Address(198, 18, 0, 52)] == nil)
    }
  }

  @Test func `finds the gateway's MAC: given, in the table, by ARP, or says why not`() async throws {
    try await Lab.run { lab in
      try lab.connect()
      try lab.ip("route add default via 198.18.0.2")
      let control = try NetworkControl()
      let interface = try control.state(of: "v0")
      let resolver = try AddressResolver(interface)
      let far = IPv4Address(203, 0, 113, 1)
      let given = try control.gatewayMAC(
        explicit: MACAddress(0x0200_0000_0099), to: far, via: interface, resolver: resolver)
      #expect(given.origin == .given && given.mac == MACAddress(0x0200_0000_0099))

      let asked = try control.gatewayMAC(to: far, via: interface, resolver: resolver)
      #expect(asked.origin == .arp && asked.address == IPv4Address(198, 18, 0, 2))
      #expect(asked.mac != interface.mac && asked.mac != .zero)

      try lab.ip("neighbour replace 198.18.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent")
      let looked = try control.gatewayMAC(to: far, via: interface, resolver: resolver)
      #expect(looked.origin == .neighbourTable && looked.mac == MACAddress(0x0200_0000_0002))

      let nobody = fault {
        _ = try resolver.resolve(
          IPv4Address(198, 18, 0, 77), from: IPv4Address(198, 18, 0, 1), tries: 2, milliseconds: 30)
      }
      #expect(nobody.hasPrefix("198.18.0.77 does not answer 2 ARP requests on v0."))
      try lab.ip("link set v0 down")
      let down = fault {
        _ = try control.gatewayMAC(
          to: far, via: try control.state(of: "v0"), resolver: resolver)
      }
      #expect(down == "v0 is down. Bring it up: `ip link set v0 up`")
    }
  }
}

@Suite struct `Resolving addresses in bulk` {
  @Test func `finds all of a /16 within the rate, and names the silent ones`() async throws {
    try await Lab.run { lab in
      try lab.connect()
      // The peer answers for every address of 198.19.0.0/16 and, of 198.18.0.0/16, for its own alone.
      try lab.peerIP("route add local 198.19.0.0/16 dev lo")
      let interface = try NetworkControl().state(of: "v0")
      let resolver = try AddressResolver(interface)
      let silent = (0..<36).map { IPv4Address(198, 18, 7, UInt8($0)) }
      let asked = silent + (36..<65_536).map { IPv4Address(0xc613_0000 + UInt32($0)) }
      let start = Int(Clock.monotonic / 1_000_000)
      let all = try resolver.resolve(
        asked, from: IPv4Address(198, 18, 0, 1), rate: 20_000, tries: 2, milliseconds: 500)
      let elapsed = Int(Clock.monotonic / 1_000_000) - start
      // The network's broadcast address is nobody's.
      #expect(all.unresolved == silent + [IPv4Address(198, 19, 255, 255)])
      #expect(all.found.count == 65_499)
      #expect(Set(all.found.values).count == 1)
      #expect(elapsed >= 65_536 / 20, "not faster than 20,000 a second: \(elapsed) ms")
      #expect(elapsed < 20_000, "\(elapsed) ms")
    }
  }

  @Test func `needs no capability once it is open`() async throws {
    try await Lab.run { lab in
      try lab.connect()
      let interface = try NetworkControl().state(of: "v0")
      let resolver = try AddressResolver(interface)
      // Capabilities belong to threads, and this one ends with the test.
      try Capabilities.dropAll()
      let text = fault { _ = try AddressResolver(interface) }
      #expect(text.contains("Run as root, or with CAP_NET_RAW"))
      let refused = fault {
        _ = try NetworkControl().apply(InterfaceProfile(toml: "mtu = 1300", file: "t"), to: "v0")
      }
      #expect(refused.contains("Run as root, or with CAP_NET_ADMIN"))
      let mac = try resolver.resolve(
        IPv4Address(198, 18, 0, 2), from: IPv4Address(198, 18, 0, 1))
      #expect(mac != interface.mac)
    }
  }

  @Test func `says so when the link goes down`() async throws {
    try await Lab.run { lab in
      try lab.connect()
      let resolver = try AddressResolver(NetworkControl().state(of: "v0"))
      try lab.ip("link set v0 down")
      let text = fault {
        _ = try resolver.resolve(IPv4Address(198, 18, 0, 2), from: IPv4Address(198, 18, 0, 1))
      }
      #expect(text.contains("Bring it up: `ip link set v0 up`"))
    }
  }
}
