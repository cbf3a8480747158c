// Reading and configuring interfaces, against the real kernel.
import Kernel
import NIC
import Testing
import Wire

private func profile(_ toml: String) throws -> InterfaceProfile {
  try InterfaceProfile(toml: toml, file: "test.toml")
}

/// The `Fault` that `body` ends with, as text.
func fault(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no fault"
  } catch { return "\(error)" }
}

@Suite struct `The state of an interface` {
  @Test func `on veth has channels and XDP, but no rings, moderation or interrupts`() async throws {
    try await Lab.run { lab in
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

  @Test func `tells virtual links, on which checksums may be unfinished, by their driver`() async throws
  {
    try await Lab.run { _ in
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

  @Test func `of one that is not there names those that are`() async throws {
    try await Lab.run { _ in
      let text = fault { _ = try NetworkControl().state(of: "nosuch0") }
      #expect(text == "there is no interface nosuch0; present are: lo, v0")
    }
  }

  @Test func `says what is missing before frames can leave`() async throws {
    try await Lab.run { lab in
      let control = try NetworkControl()
      let down = fault { _ = try control.waitForCarrier(of: "v0", milliseconds: 0) }
      #expect(down == "v0 is down. Bring it up: `ip link set v0 up`")
      try lab.ip("link set v0 up")
      let dark = fault { _ = try control.waitForCarrier(of: "v0", milliseconds: 60) }
      #expect(dark == "v0 has no carrier. Look at the cable and at the port it leads to")
      try lab.peerIP("link set v1 up")
      #expect(try control.waitForCarrier(of: "v0", milliseconds: 2_000).hasCarrier)
    }
  }
}

@Suite struct `Applying a profile` {
  @Test func `makes the interface what it says, and the second time changes nothing`() async throws {
    try await Lab.run { lab in
      try lab.ip("address add 198.18.9.9/24 dev v0")
      let control = try NetworkControl()
      let wish = try profile(
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
      let report = try control.apply(wish, to: "v0")
      #expect(report.deviations.isEmpty)
      let state = report.state
      #expect(state.isUp)
      #expect(state.mtu == 1400)
      #expect(Set(state.addresses.map(\.description)) == ["198.18.0.1/24", "198.18.1.1/32"])
      #expect((state.channels?.rx?.current, state.channels?.tx?.current) == (2, 3))
      #expect(state.features["tx-tcp-segmentation"]?.active == false)
      #expect(state.features["rx-gro"]?.active == true)
      #expect(try control.apply(wish, to: "v0").changes.isEmpty)
    }
  }

  @Test func `leaves a link down that is down, where that is asked for`() async throws {
    try await Lab.run { lab in
      let control = try NetworkControl()
      let wish = try profile("mtu = 1400")
      let report = try control.apply(wish, to: try control.state(of: "v0"), bringsUp: false)
      #expect(report.state.mtu == 1400)
      #expect(!report.state.isUp)
      #expect(report.changes.map(\.setting) == [.mtu])
      #expect(try control.apply(wish, to: "v0").state.isUp)
    }
  }

  @Test func `with the built-in veth profile succeeds on veth`() async throws {
    try await Lab.run { _ in
      let report = try NetworkControl().apply(BuiltInProfiles.profile(driver: "veth"), to: "v0")
      #expect(report.deviations.isEmpty)
      #expect(report.state.features["tx-tcp-segmentation"]?.active == false)
    }
  }

  @Test func `that requires rings of veth fails and leaves it untouched`() async throws {
    try await Lab.run { _ in
      let control = try NetworkControl()
      let before = try control.state(of: "v0")
      let wish = try profile("mtu = 1400\n[rings]\nrx = 4096")
      let text = fault { _ = try control.apply(wish, to: "v0") }
      #expect(text.hasPrefix("cannot set rings.rx of v0 to 4096: the driver does not have it."))
      #expect(text.contains("test.toml"))
      #expect(try control.state(of: "v0") == before)
    }
  }

  @Test func `that wants rings of veth reports that it has none`() async throws {
    try await Lab.run { _ in
      let wish = try profile("[rings]\nrx = { value = 4096, mode = \"wanted\" }")
      let report = try NetworkControl().apply(wish, to: "v0")
      #expect(
        report.deviations.map(\.description)
          == ["rings.rx: none -> 4096 (wanted): the driver does not have it"])
      #expect(report.state.isUp)
    }
  }

  @Test func `that requires too many channels fails with the kernel's reason and the maximum`()
    async throws
  {
    try await Lab.run { _ in
      let text = fault { _ = try NetworkControl().apply(profile("[channels]\nrx = 9"), to: "v0") }
      #expect(
        text.hasPrefix(
          "cannot set channels.rx of v0 to 9: Invalid argument (EINVAL): "
            + "requested channel count exceeds maximum. At most 4 is possible."))
    }
  }

  @Test func `that wants too many channels gets the most there are`() async throws {
    try await Lab.run { lab in
      let control = try NetworkControl()
      _ = try control.apply(profile("[channels]\nrx = 1"), to: "v0")
      let report = try control.apply(
        profile("[channels]\nrx = { value = 9, mode = \"wanted\" }\ntx = \"max\""), to: "v0")
      #expect(report.state.channels?.rx?.current == 4)
      #expect(
        report.deviations.map(\.description) == [
          "channels.rx: 4 -> 9 (wanted, maximum 4): the driver allows 4 at most"
        ])
    }
  }

  @Test func `on a driver that rounds is found out by reading back`() async throws {
    try await Lab.run { lab in
      // tun takes rx-frames up to 64 and keeps 64 for anything more, without a word.
      try lab.ip("tuntap add dev tap0 mode tap")
      let control = try NetworkControl()
      let text = fault {
        _ = try control.apply(profile("[coalescing]\nrx-frames = 200"), to: "tap0")
      }
      #expect(
        text.hasPrefix("cannot set coalescing.rx-frames of tap0 to 200: the driver left it at 64."))
      let wish = try profile(
        "[coalescing]\nrx-frames = { value = 300, mode = \"wanted\" }\n"
          + "tx-usecs = { value = 9, mode = \"wanted\" }")
      #expect(
        try control.apply(wish, to: "tap0").deviations.map(\.description) == [
          "coalescing.rx-frames: 64 -> 300 (wanted): the driver left it at 64",
          "coalescing.tx-usecs: none -> 9 (wanted): the driver does not have it",
        ])
    }
  }

  @Test func `reports a fixed offload and one the kernel does not know`() async throws {
    try await Lab.run { _ in
      let wish = try profile(
        """
        [offloads]
        rx-lro = { value = true, mode = "wanted" }
        no-such-offload = { value = false, mode = "wanted" }
        """)
      let report = try NetworkControl().apply(wish, to: "v0")
      #expect(
        Set(report.deviations.map(\.description)) == [
          "offloads.rx-lro: off -> on (wanted): the driver left it at off",
          "offloads.no-such-offload: none -> off (wanted): the driver does not have it",
        ])
    }
  }

  @Test func `brings the link up without touching another flag`() async throws {
    try await Lab.run { lab in
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
