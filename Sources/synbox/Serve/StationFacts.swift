// How the box sends and receives, for its status.
import BoxAPI
import Datapath
import Engine
import NIC
import Plan
import Wire

extension StationModes {
  init(_ station: Station) {
    self.init()
    interface = station.interface.name
    driver = station.interface.driver ?? ""
    transmit = station.transmitters.map { "\($0.mode.rawValue):\($0.queue)" }
    receive = station.receiver.mode.rawValue
    reset = station.resetMode
    checksum = station.checksumMode
    sourceUse = station.sourceUse
    networkNamespace = station.networkNamespace
    reason = station.modeReason
  }
}

extension NICState {
  init(_ interface: InterfaceState) {
    self.init()
    mac = interface.mac.description
    addresses = interface.addresses.map(\.description)
    mtu = UInt64(interface.mtu)
    up = interface.isUp
    carrier = interface.hasCarrier
  }
}

extension ScanProgress {
  init(_ scan: ScanSnapshot) {
    self.init()
    elapsed = scan.elapsed
    probesTotal = scan.probesTotal
    probesBefore = scan.probesBefore
    resultsBefore = scan.resultsBefore
    rateRequested = scan.rate.perSecond ?? 0
    cooldownEnds = scan.cooldownEnds
    counters[.probesCompleted] = scan.probesCompleted
    counters[.probesRefused] = scan.probesRefused
    counters[.results] = scan.results
    counters[.repliesValid] = scan.repliesValid
    counters[.repliesInvalid] = scan.repliesInvalid
    counters[.eventsLost] = scan.eventsLost
    counters[.repliesUnprobedSource] = scan.repliesUnprobedSource
    counters[.repliesUnprobedTarget] = scan.repliesUnprobedTarget
    counters[.resetsWithheld] = scan.resetsWithheld
    counters[.duplicates] = scan.duplicates
    counters[.dedupeEvictions] = scan.dedupeEvictions
  }
}
