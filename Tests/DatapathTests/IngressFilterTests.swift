// The rule of nftables that keeps packets to dedicated addresses from the kernel, on a real interface.

import Kernel
import LabSupport
import Testing
import Wire

@testable import Datapath

@Suite(.serialized, .timeLimit(.minutes(5))) struct `A filter of arriving packets` {
  private static let address = IPv4Address(198, 18, 0, 1)

  /// Gives the interfaces addresses and asks for echoes from the peer. Returns which addresses replied.
  private func replying(_ lab: Lab, _ addresses: [String]) throws -> [String] {
    try addresses.filter { address in
      let ask = try run([
        "ip", "netns", "exec", lab.peer, "python3", "-c",
        """
        import socket, sys
        s = socket.socket(); s.settimeout(0.5)
        try: s.connect(("\(address)", 9))
        except ConnectionRefusedError: sys.exit(0)
        except OSError: sys.exit(1)
        """,
      ])
      return ask.status == 0
    }
  }

  private func assign(_ lab: Lab) throws {
    try lab.shell(
      """
      ip -n \(lab.scanner) address add 198.18.0.1/24 dev scan0
      ip -n \(lab.scanner) address add 198.18.0.3/24 dev scan0
      ip -n \(lab.peer) address add 198.18.0.2/24 dev peer0
      """)
  }

  @Test func `drops IPv4 to its addresses, nothing else, until it goes`() throws {
    try Lab.with { lab in
      try assign(lab)
      let both = ["198.18.0.1", "198.18.0.3"]
      #expect(try replying(lab, both) == both)
      try lab.onScanner {
        // Several scans may have one each. ARP still works, or nothing would reply.
        let first = try IngressFilter(interface: "scan0", addresses: [Self.address])
        let second = try IngressFilter(interface: "scan0", addresses: [Self.address])
        #expect(try replying(lab, both) == ["198.18.0.3"])
        _ = consume first
        #expect(try replying(lab, both) == ["198.18.0.3"])
        _ = consume second
      }
      #expect(try replying(lab, both) == both)
    }
  }

  @Test func `may have as many addresses as a scan`() throws {
    try Lab.with { lab in
      try assign(lab)
      let many = (0..<UInt32(65_535)).map { IPv4Address(0x0a00_0000 + $0) } + [Self.address]
      try lab.onScanner {
        let filter = try IngressFilter(interface: "scan0", addresses: many)
        #expect(try replying(lab, ["198.18.0.1", "198.18.0.3"]) == ["198.18.0.3"])
        _ = consume filter
      }
    }
  }

  @Test func `is refused with the kernel's reason, and leaves nothing`() throws {
    try Lab.with { lab in
      try assign(lab)
      try lab.onScanner {
        let error = #expect(throws: NetlinkError.self) {
          _ = try IngressFilter(interface: "a-name-of-more-than-15-bytes", addresses: [Self.address])
        }
        #expect(error?.errno != nil, "\(String(describing: error))")
      }
      #expect(try replying(lab, ["198.18.0.1"]) == ["198.18.0.1"])
    }
  }
}
