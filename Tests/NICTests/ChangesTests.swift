// The changes from the current state to a profile.
import Kernel
import Testing
import Wire

@testable import NIC

/// An igb with its default settings: 256 of 4096 descriptors, 4 of 8 channels, interrupts anywhere.
private let igb: InterfaceState = {
  var state = InterfaceState(
    index: 2, name: "eth0", mac: MACAddress(0x0200_0000_0001), mtu: 1500)
  state.maximumMTU = 9216
  state.driver = "igb"
  state.isUp = true
  state.addresses = [InterfaceAddress("198.18.0.1/24")!]
  state.rings = Rings(rx: Bounded(256, maximum: 4096), tx: Bounded(256, maximum: 4096))
  state.channels = Channels(combined: Bounded(4, maximum: 8), other: Bounded(1, maximum: 1))
  state.coalescing = Coalescing(numbers: [.rxUsecs: 3])
  state.features = [
    "rx-gro": Feature(hardware: true, wanted: true, active: true, noChange: false),
    "rx-lro": Feature(hardware: false, wanted: false, active: false, noChange: false),
  ]
  state.interrupts = [
    Interrupt(number: 30, name: "eth0", affinity: "0-3"),
    Interrupt(number: 31, name: "eth0-TxRx-0", affinity: "0-3"),
    Interrupt(number: 32, name: "eth0-TxRx-1", affinity: "1"),
    Interrupt(number: 36, name: "eth0-TxRx-5", affinity: "0-3"),
  ]
  state.processors = 4
  return state
}()

private struct Row: Sendable, CustomTestStringConvertible {
  let name: String
  let toml: String
  let steps: [String]
  var testDescription: String { name }
}

@Suite(.timeLimit(.minutes(5))) struct `The changes to a profile` {
  @Test(arguments: [
    Row(name: "an empty profile", toml: "", steps: []),
    Row(name: "current values", toml: "mtu = 1500\n[rings]\nrx = 256", steps: []),
    Row(
      name: "channels before rings", toml: "[rings]\nrx = 4096\n[channels]\ncombined = 2",
      steps: [
        "channels.combined: 4 -> 2 (required, maximum 8)",
        "rings.rx: 256 -> 4096 (required, maximum 4096)",
      ]),
    Row(
      name: "max", toml: "[channels]\ncombined = \"max\"\n[rings]\ntx = \"max\"",
      steps: [
        "channels.combined: 4 -> 8 (required, maximum 8)",
        "rings.tx: 256 -> 4096 (required, maximum 4096)",
      ]),
    Row(name: "cpus, already set", toml: "[channels]\ncombined = \"cpus\"", steps: []),
    Row(
      name: "a value beyond the maximum",
      toml: "[rings]\nrx = { value = 8192, mode = \"wanted\" }",
      steps: ["rings.rx: 256 -> 8192 (wanted, maximum 4096)"]),
    Row(
      name: "unsupported settings",
      toml: "[channels]\nrx = \"max\"\n[coalescing]\nadaptive-rx = false",
      steps: [
        "channels.rx: none -> max (required)", "coalescing.adaptive-rx: none -> off (required)",
      ]),
    Row(
      name: "coalescing and offloads",
      toml: "[coalescing]\nrx-usecs = 50\n[offloads]\nrx-gro = false\nrx-lro = false",
      steps: ["coalescing.rx-usecs: 3 -> 50 (required)", "offloads.rx-gro: on -> off (required)"]),
    Row(
      name: "other addresses", toml: "addresses = [\"198.18.0.2/24\"]",
      steps: [
        "address 198.18.0.1/24: on -> off (required)", "address 198.18.0.2/24: off -> on (required)",
      ]),
    Row(
      name: "no addresses", toml: "addresses = []",
      steps: ["address 198.18.0.1/24: on -> off (required)"]),
    Row(
      name: "queue n to processor n, other interrupts unchanged",
      toml: "[irq]\naffinity = { value = \"spread\", mode = \"wanted\" }",
      steps: ["irq 31: 0-3 -> 0 (wanted)", "irq 36: 0-3 -> 1 (wanted)"]),
    Row(name: "no affinity", toml: "[irq]\naffinity = \"none\"", steps: []),
  ])
  fileprivate func `are`(row: Row) throws {
    let profile = try InterfaceProfile(toml: row.toml, file: "test.toml")
    #expect(changes(from: igb, to: profile).map(\.description) == row.steps)
  }

  @Test func `bring the link up last, except for the interrupts`() throws {
    var down = igb
    down.isUp = false
    let profile = try InterfaceProfile(
      toml: "mtu = 1400\n[irq]\naffinity = \"spread\"", file: "test.toml")
    let steps = changes(from: down, to: profile).map(\.setting)
    #expect(steps == [.mtu, .link, .interrupt(31), .interrupt(36)])
  }

  @Test(
    arguments: [
      ("eth0-TxRx-3", 3), ("i40e-eth0-TxRx-12", 12), ("ice-ens1f0-TxRx-0", 0), ("eth0-rx-1", 1),
      ("eth0-tx-2", 2), ("virtio0-input.0", 0), ("virtio0-output.7", 7),
      ("mlx5_comp3@pci:0000:01:00.0", 3), ("eth0", nil), ("virtio0-config", nil),
      ("mlx5_async0@pci:0000:01:00.0", nil), ("", nil), ("eth0-TxRx-", nil),
      ("eth0-TxRx-99999999999999999999", nil),
    ] as [(String, Int?)])
  func `find the queue of an interrupt by its name`(name: String, queue: Int?) {
    #expect(Interrupts.queue(ofInterruptNamed: name) == queue)
  }
}
