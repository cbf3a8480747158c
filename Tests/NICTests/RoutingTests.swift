// Routes, neighbours and ARP in the running kernel.
import Kernel
import NIC
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `Routing out of an interface` {
  @Test func `finds the gateway, the link, or no route`() async throws {
    try await VethPair.run { lab in
      try lab.connect()
      let control = try NetworkControl()
      let interface = try control.state(of: "v0")
      let near = try control.route(to: IPv4Address(198, 19, 7, 7), via: interface)
      #expect(near.gateway == nil)
      #expect(near.outInterface == interface.index)
      #expect(near.preferredSource == IPv4Address(198, 18, 0, 1))

      // A plain query of the kernel would return "on the link".
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

  @Test func `finds neighbours that replied, not those that failed`() async throws {
    try await VethPair.run { lab in
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

  @Test func `finds the gateway's MAC address: given, in the neighbour table, or by ARP`() async throws
  {
    try await VethPair.run { lab in
      try lab.connect()
      try lab.ip("route add default via 198.18.0.2")
      let control = try NetworkControl()
      let interface = try control.state(of: "v0")
      let resolver = try AddressResolver(interface)
      let far = IPv4Address(203, 0, 113, 1)
      let given = try control.gatewayMAC(
        explicit: MACAddress(0x0200_0000_0099), to: far, via: interface, resolver: resolver)
      #expect(given.origin == .given && given.mac == MACAddress(0x0200_0000_0099))

      let resolved = try control.gatewayMAC(to: far, via: interface, resolver: resolver)
      #expect(resolved.origin == .arp && resolved.address == IPv4Address(198, 18, 0, 2))
      #expect(resolved.mac != interface.mac && resolved.mac != .zero)

      try lab.ip("neighbour replace 198.18.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent")
      let permanent = try control.gatewayMAC(to: far, via: interface, resolver: resolver)
      #expect(permanent.origin == .neighbourTable && permanent.mac == MACAddress(0x0200_0000_0002))

      let silent = fault {
        _ = try resolver.resolve(
          IPv4Address(198, 18, 0, 77), from: IPv4Address(198, 18, 0, 1), tries: 2, milliseconds: 30)
      }
      #expect(silent.hasPrefix("198.18.0.77 does not reply to 2 ARP requests on v0."))
      try lab.ip("link set v0 down")
      let down = fault {
        _ = try control.gatewayMAC(
          to: far, via: try control.state(of: "v0"), resolver: resolver)
      }
      #expect(down == "v0 is down. Bring it up: `ip link set v0 up`")
    }
  }

  @Test func `keeps the gateway's MAC address as long as it replies, and names another's`() async throws
  {
    try await VethPair.run { lab in
      try lab.connect()
      try lab.ip("route add default via 198.18.0.2")
      // A second device of the peer, which replies for the same address.
      try lab.peerIP("link add m1 link v1 address 02:00:00:00:00:66 type macvlan mode bridge")
      try lab.peerIP("link set m1 up")
      let control = try NetworkControl()
      let interface = try control.state(of: "v0")
      let resolver = try AddressResolver(interface)
      let gateway = IPv4Address(198, 18, 0, 2)
      func ask(pin: MACAddress?) throws -> NextHop {
        try control.gatewayMAC(
          to: IPv4Address(203, 0, 113, 1), via: interface, resolver: resolver,
          permanentNeighboursOnly: true, pins: pin.map { [gateway: $0] } ?? [:])
      }
      let other = MACAddress(0x0200_0000_0066)
      let first = try ask(pin: nil)
      let both = [first.mac, try #require(first.rival)]
      #expect(Set(both).count == 2 && both.contains(other))
      for (pin, rival) in [(both[0], both[1]), (both[1], both[0])] {
        for _ in 0..<3 {
          let hop = try ask(pin: pin)
          #expect(hop.mac == pin && hop.rival == rival && hop.origin == .arp)
        }
      }
      // One that no longer replies has been replaced.
      try lab.peerIP("link delete m1")
      let replaced = try ask(pin: other)
      #expect(replaced.mac == both.first { $0 != other } && replaced.rival == nil)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Resolving addresses in bulk` {
  @Test func `finds all of a /16 within the rate, and lists the silent ones`() async throws {
    try await VethPair.run { lab in
      try lab.connect()
      // The peer replies for every address of 198.19.0.0/16, and in 198.18.0.0/16 only for its own.
      try lab.peerIP("route add local 198.19.0.0/16 dev lo")
      let interface = try NetworkControl().state(of: "v0")
      let resolver = try AddressResolver(interface)
      let silent = (0..<36).map { IPv4Address(198, 18, 7, UInt8($0)) }
      let requested = silent + (36..<65_536).map { IPv4Address(0xc613_0000 + UInt32($0)) }
      let start = Int(Clock.monotonic / 1_000_000)
      let all = try resolver.resolve(
        requested, from: IPv4Address(198, 18, 0, 1), rate: 20_000, tries: 2, milliseconds: 500)
      let elapsed = Int(Clock.monotonic / 1_000_000) - start
      // Nobody has the broadcast address.
      #expect(all.unresolved == silent + [IPv4Address(198, 19, 255, 255)])
      #expect(all.found.count == 65_499)
      #expect(Set(all.found.values).count == 1)
      #expect(elapsed >= 65_536 / 20, "faster than 20,000 requests per second: \(elapsed) ms")
    }
  }

  @Test func `needs no capability once the resolver is open`() async throws {
    try await VethPair.run { lab in
      try lab.connect()
      let interface = try NetworkControl().state(of: "v0")
      let resolver = try AddressResolver(interface)
      // Capabilities belong to a thread, and this one ends with the test.
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

  @Test func `fails when the link goes down`() async throws {
    try await VethPair.run { lab in
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
