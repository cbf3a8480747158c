// The output of `synbox nic`.
import Kernel
import NIC
import Wire

/// The output of `nic show`.
struct NICReport: Encodable {
  struct Limit: Encodable {
    var current: UInt32
    var maximum: UInt32?

    init?(_ bounded: Bounded?) {
      guard let bounded else { return nil }
      current = bounded.current
      maximum = bounded.maximum
    }
  }

  struct Offload: Encodable {
    var active: Bool
    var wanted: Bool
    var fixed: Bool
  }

  struct Interrupt: Encodable {
    var number: Int
    var name: String
    var affinity: String
  }

  var interface: String
  var index: Int32
  var driver: String?
  var mac: String
  var mtu: UInt32
  var maximumMtu: UInt32?
  var up: Bool
  var carrier: Bool
  var operationalState: String
  var rxQueues: UInt32
  var txQueues: UInt32
  var addresses: [String]
  /// By kind; nil if the driver has none. So for `channels` and `coalescing`.
  var rings: [String: Limit]?
  var channels: [String: Limit]?
  var coalescing: [String: UInt32]?
  var offloads: [String: Offload]
  var xdpFeatures: [String]?
  var xdpZeroCopyMaximumSegments: UInt32?
  var interrupts: [Interrupt]

  init(_ state: InterfaceState) {
    interface = state.name
    index = state.index
    driver = state.driver
    mac = state.mac.description
    mtu = state.mtu
    maximumMtu = state.maximumMTU
    up = state.isUp
    carrier = state.hasCarrier
    operationalState = "\(state.operationalState)"
    rxQueues = state.rxQueues
    txQueues = state.txQueues
    addresses = state.addresses.map(\.description)
    rings = state.rings.map { ["rx": $0.rx, "tx": $0.tx].compactMapValues(Limit.init) }
    channels = state.channels.map {
      ["combined": $0.combined, "rx": $0.rx, "tx": $0.tx, "other": $0.other]
        .compactMapValues(Limit.init)
    }
    coalescing = state.coalescing.map { coalescing in
      var values: [String: UInt32] = [:]
      for (parameter, number) in coalescing.numbers { values[parameter.rawValue] = number }
      for (parameter, on) in coalescing.flags { values[parameter.rawValue] = on ? 1 : 0 }
      return values
    }
    offloads = state.features.mapValues {
      Offload(active: $0.active, wanted: $0.wanted, fixed: $0.isFixed)
    }
    xdpFeatures = state.xdpFeatures?.names
    xdpZeroCopyMaximumSegments = state.xdpZeroCopyMaximumSegments
    interrupts = state.interrupts.map {
      Interrupt(number: $0.number, name: $0.name, affinity: $0.affinity)
    }
  }

  /// Text for people: one line a group; "none" for what the driver lacks; of the offloads only those that can be
  /// changed.
  var text: String {
    func list(_ limits: [String: Limit]?) -> String {
      guard let limits, !limits.isEmpty else { return "none" }
      return limits.sorted { $0.key < $1.key }.map { kind, limit in
        "\(kind) \(limit.current)" + (limit.maximum.map { " of \($0)" } ?? "")
      }.joined(separator: ", ")
    }
    let moderation = coalescing?.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let changeable = offloads.filter { !$0.value.fixed }.sorted { $0.key < $1.key }
    let rows: [(String, String)] = [
      ("interface", "\(interface) (index \(index), driver \(driver ?? "none"), \(mac))"),
      ("link", "\(up ? "up" : "down"), \(carrier ? "carrier" : "no carrier"), \(operationalState)"),
      ("mtu", "\(mtu)" + (maximumMtu.map { " of \($0)" } ?? "")),
      ("addresses", addresses.isEmpty ? "none" : addresses.joined(separator: ", ")),
      ("queues", "rx \(rxQueues), tx \(txQueues)"),
      ("channels", list(channels)),
      ("rings", list(rings)),
      ("coalescing", moderation?.joined(separator: ", ") ?? "none"),
      ("xdp", xdpFeatures.map { $0.isEmpty ? "none" : $0.joined(separator: ", ") } ?? "not reported"),
      ("irqs", interrupts.map { "\($0.number) on \($0.affinity)" }.joined(separator: ", ")),
      ("offloads on", changeable.filter(\.value.active).map(\.key).joined(separator: " ")),
      ("offloads off", changeable.filter { !$0.value.active }.map(\.key).joined(separator: " ")),
    ]
    return rows.map { name, value in
      name + String(repeating: " ", count: 14 - name.count) + (value.isEmpty ? "none" : value)
    }.joined(separator: "\n")
  }
}

/// One change that leads to the profile.
struct NICStep: Encodable {
  var setting: String
  var from: String?
  var to: String
  var maximum: UInt32?
  var mode: String
  var reason: String?

  init(_ change: NICChange, reason: String?) {
    setting = change.setting.description
    from = change.from?.description
    to = change.to.description
    maximum = change.maximum
    mode = change.mode.rawValue
    self.reason = reason
  }
}

/// The output of `nic diff`.
struct NICDifference: Encodable {
  var interface: String
  var profile: String
  var changes: [NICStep]

  init(_ state: InterfaceState, _ profile: InterfaceProfile, _ changes: [NICStep]) {
    interface = state.name
    self.profile = profile.source
    self.changes = changes
  }
}

/// The output of `nic apply`.
struct NICOutcome: Encodable {
  var interface: NICReport
  var profile: String
  var changes: [NICStep]
  var deviations: [NICStep]

  init(_ report: ApplyReport, _ profile: InterfaceProfile) {
    interface = NICReport(report.state)
    self.profile = profile.source
    changes = report.changes.map { NICStep($0, reason: nil) }
    deviations = report.deviations.map { NICStep($0.change, reason: $0.reason) }
  }
}
