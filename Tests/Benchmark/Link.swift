// The link on which measurements send.
import Datapath
import Kernel
import LabSupport
import NIC
import Wire

/// The box's end of a lab's veth pair. Initializing it moves the calling thread into the box's namespace.
struct Link {
  let interface: InterfaceState
  let peer: MACAddress

  init(_ lab: Lab) throws {
    let words = try LabSupport.run(["ip", "-n", lab.net, "-o", "link", "show", "net0"]).output
      .split(separator: " ")
    guard let at = words.firstIndex(of: "link/ether"), let peer = MACAddress(words[at + 1]) else {
      throw LabError("net0 has no Ethernet address: \(words)")
    }
    self.peer = peer
    try NetworkNamespace.enter("/run/netns/\(lab.box)")
    interface = try NetworkControl().state(of: "box0")
  }

  var stamper: FrameStamper {
    FrameStamper(
      profile: .smallest, sources: [Self.source], sourceMAC: interface.mac, nextHops: [peer])
  }

  func receiving(generator: Bool = false) -> ReceiveSettings {
    ReceiveSettings(
      interface: interface.index, interfaceName: interface.name, sources: [Self.source],
      localSources: [], ports: 40_000...40_000, wantsResets: true, reportClosed: true,
      reportICMP: true, generator: generator)
  }

  static let source = IPv4Address(198, 18, 0, 1)

  /// Returns probes to `count` addresses from 198.19.0.0 on.
  func probes(_ count: UInt32, key: SipHashKey = .random()) -> [TransmitEntry] {
    let cookie = Cookie(key: key)
    let sums = SourceSums(syn: .smallest, source: Self.source)
    return (0..<count).map { number in
      let destination = 0xc613_0000 + number
      let hash = cookie.hash(
        source: Self.source.value, destination: destination, sourcePort: 40_000, destinationPort: 80)
      return TransmitEntry(
        syn: destination, port: 80, source: 0, sourcePort: 40_000, hash: hash, sums: sums)
    }
  }
}
