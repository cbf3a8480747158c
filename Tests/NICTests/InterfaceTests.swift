// Reading and configuring interfaces of the running kernel.
import Kernel
import NIC
import Testing
import Wire

private func profile(_ toml: String) throws -> InterfaceProfile {
  try InterfaceProfile(toml: toml, file: "test.toml")
}

/// Returns the error that `body` throws, as text.
func fault(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch { return "\(error)" }
}

@Suite(.timeLimit(.minutes(5))) struct `The state of an interface` {
  @Test func `on veth has channels and XDP, but no rings, coalescing or interrupts`() async throws {
    try await VethPair.run { lab in
      try lab.connect()
      let state = try NetworkControl().state(of: "v0")
      #expect(state.driver == "veth")
      #expect(state.isUp && state.hasCarrier)
      #expect(state.operationalState == .up)
      #expect((state.rxQueues, state.txQueues) == (4, 4))
      #expect(state.channels?.rx == Bounded(4, maximum: 4))
      #expect(state.channels?.tx == Bounded(4, maximum: 4))
      #expect(state.channels?.combined == nil)
      #expect(state.rings == nil)
      #expect(state.coalescing == nil)
      #expect(state.interrupts.isEmpty)
      #expect(state.mtu == 1500)
      #expect(state.addresses == [InterfaceAddress(IPv4Address(198, 18, 0, 1), prefixLength: 15)])
      #expect(state.mac != .zero && !state.mac.isGroup)
      #expect(try #require(state.xdpFeatures).isSuperset(of: [.basic, .redirect]))
      let segmentation = try #require(state.features["tx-tcp-segmentation"])
      #expect(segmentation.active && segmentation.wanted && !segmentation.isFixed)
      #expect(state.features["rx-lro"]?.isFixed == true)
    }
  }

  @Test func `has a virtual link, on which checksums can be incomplete, by its driver`() async throws {
    try await VethPair.run { _ in
      var state = try NetworkControl().state(of: "v0")
      #expect(state.isVirtualLink)
      for driver in ["veth", "netkit", "virtio_net", "tun", "vif"] {
        state.driver = driver
        #expect(state.isVirtualLink, "\(driver)")
      }
      for driver in [
        "igb", "igc", "ixgbe", "i40e", "ice", "mlx5_core", "bridge", "bonding", "macvlan", "", nil,
      ] {
        state.driver = driver
        #expect(!state.isVirtualLink, "\(driver ?? "none")")
      }
    }
  }

  @Test func `of a missing interface lists the present ones`() async throws {
    try await VethPair.run { _ in
      let text = fault { _ = try NetworkControl().state(of: "nosuch0") }
      #expect(text == "there is no interface nosuch0; present: lo, v0")
    }
  }

  @Test func `reports a link that is down or has no carrier`() async throws {
    try await VethPair.run { lab in
      let control = try NetworkControl()
      let down = fault { _ = try control.waitForCarrier(of: "v0", milliseconds: 0) }
      #expect(down == "v0 is down. Bring it up: `ip link set v0 up`")
      try lab.ip("link set v0 up")
      let withoutCarrier = fault { _ = try control.waitForCarrier(of: "v0", milliseconds: 60) }
      #expect(withoutCarrier == "v0 has no carrier. Check the cable and the port at its other end")
      try lab.peerIP("link set v1 up")
      #expect(try control.waitForCarrier(of: "v0", milliseconds: 20_000).hasCarrier)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Applying a profile` {
  @Test func `sets everything in it, and changes nothing the second time`() async throws {
    try await VethPair.run { lab in
      try lab.ip("address add 198.18.9.9/24 dev v0")
      let control = try NetworkControl()
      let desired = try profile(
        """
        mtu = 1400
        addresses = ["198.18.0.1/24", "198.18.1.1/32"]
        [channels]
        rx = 2
        tx = 3
        [offloads]
        tx-tcp-segmentation = false
        rx-gro = true
        """)
      let report = try control.apply(desired, to: "v0")
      #expect(report.deviations.isEmpty)
      let state = report.state
      #expect(state.isUp)
      #expect(state.mtu == 1400)
      #expect(Set(state.addresses.map(\.description)) == ["198.18.0.1/24", "198.18.1.1/32"])
      #expect((state.channels?.rx?.current, state.channels?.tx?.current) == (2, 3))
      #expect(state.features["tx-tcp-segmentation"]?.active == false)
      #expect(state.features["rx-gro"]?.active == true)
      #expect(try control.apply(desired, to: "v0").changes.isEmpty)
    }
  }

  @Test func `leaves the link down if requested`() async throws {
    try await VethPair.run { lab in
      let control = try NetworkControl()
      let desired = try profile("mtu = 1400")
      let report = try control.apply(desired, to: try control.state(of: "v0"), bringsUp: false)
      #expect(report.state.mtu == 1400)
      #expect(!report.state.isUp)
      #expect(report.changes.map(\.setting) == [.mtu])
      #expect(try control.apply(desired, to: "v0").state.isUp)
    }
  }

  @Test func `with the built-in veth profile succeeds on veth`() async throws {
    try await VethPair.run { _ in
      let report = try NetworkControl().apply(BuiltInProfiles.profile(driver: "veth"), to: "v0")
      #expect(report.deviations.isEmpty)
      #expect(report.state.features["tx-tcp-segmentation"]?.active == false)
    }
  }

  @Test func `that requires rings of veth fails without changing anything`() async throws {
    try await VethPair.run { _ in
      let control = try NetworkControl()
      let before = try control.state(of: "v0")
      let desired = try profile("mtu = 1400\n[rings]\nrx = 4096")
      let text = fault { _ = try control.apply(desired, to: "v0") }
      #expect(text.hasPrefix("cannot set rings.rx of v0 to 4096: the driver does not support it."))
      #expect(text.contains("test.toml"))
      #expect(try control.state(of: "v0") == before)
    }
  }

  @Test func `that wants rings of veth reports a deviation`() async throws {
    try await VethPair.run { _ in
      let desired = try profile("[rings]\nrx = { value = 4096, mode = \"wanted\" }")
      let report = try NetworkControl().apply(desired, to: "v0")
      #expect(
        report.deviations.map(\.description)
          == ["rings.rx: none -> 4096 (wanted): the driver does not support it"])
      #expect(report.state.isUp)
    }
  }

  @Test func `that requires too many channels fails with the kernel's error and the maximum`()
    async throws
  {
    try await VethPair.run { _ in
      let text = fault { _ = try NetworkControl().apply(profile("[channels]\nrx = 9"), to: "v0") }
      #expect(
        text.hasPrefix(
          "cannot set channels.rx of v0 to 9: Invalid argument (EINVAL): "
            + "requested channel count exceeds maximum. The maximum is 4."))
    }
  }

  @Test func `that wants too many channels gets the maximum`() async throws {
    try await VethPair.run { lab in
      let control = try NetworkControl()
      _ = try control.apply(profile("[channels]\nrx = 1"), to: "v0")
      let report = try control.apply(
        profile("[channels]\nrx = { value = 9, mode = \"wanted\" }\ntx = \"max\""), to: "v0")
      #expect(report.state.channels?.rx?.current == 4)
      #expect(
        report.deviations.map(\.description) == [
          "channels.rx: 4 -> 9 (wanted, maximum 4): the driver's maximum is 4"
        ])
    }
  }

  @Test func `notices a value that the driver has rounded`() async throws {
    try await VethPair.run { lab in
      // tun silently limits rx-frames to 64.
      try lab.ip("tuntap add dev tap0 mode tap")
      let control = try NetworkControl()
      let text = fault {
        _ = try control.apply(profile("[coalescing]\nrx-frames = 200"), to: "tap0")
      }
      #expect(
        text.hasPrefix("cannot set coalescing.rx-frames of tap0 to 200: the driver kept 64."))
      let desired = try profile(
        "[coalescing]\nrx-frames = { value = 300, mode = \"wanted\" }\n"
          + "tx-usecs = { value = 9, mode = \"wanted\" }")
      #expect(
        try control.apply(desired, to: "tap0").deviations.map(\.description) == [
          "coalescing.rx-frames: 64 -> 300 (wanted): the driver kept 64",
          "coalescing.tx-usecs: none -> 9 (wanted): the driver does not support it",
        ])
    }
  }

  @Test func `reports a fixed feature and an unknown one`() async throws {
    try await VethPair.run { _ in
      let desired = try profile(
        """
        [offloads]
        rx-lro = { value = true, mode = "wanted" }
        no-such-offload = { value = false, mode = "wanted" }
        """)
      let report = try NetworkControl().apply(desired, to: "v0")
      #expect(
        Set(report.deviations.map(\.description)) == [
          "offloads.rx-lro: off -> on (wanted): the driver kept off",
          "offloads.no-such-offload: none -> off (wanted): the driver does not support it",
        ])
    }
  }

  @Test func `brings the link up without changing another flag`() async throws {
    try await VethPair.run { lab in
      try lab.ip("link set v0 arp off multicast off")
      let control = try NetworkControl()
      let index = try control.state(of: "v0").index
      try control.setLink(index, up: true)
      // IFF_NOARP 0x80, IFF_MULTICAST 0x1000, of the whole flag word.
      let socket = try NetlinkSocket(.route)
      var header: [UInt8] = [0, 0, 0, 0]
      header.append(native: index)
      let reply = try #require(
        try socket.request(
          NetlinkMessage(type: RTM_GETLINK, header: header + [0, 0, 0, 0, 0, 0, 0, 0])
        ).first)
      let flags = try #require(reply.payload.native(at: 8, as: UInt32.self))
      #expect(flags & 0x1 != 0 && flags & 0x80 != 0 && flags & 0x1000 == 0)
      try control.setLink(index, up: false)
      #expect(try !control.state(of: "v0").isUp)
    }
  }
}
