import Foundation
import LabSupport
import LabTraits
import Testing

/// The fields that tshark prints for a captured probe.
private struct Captured {
  let source, destination, sourcePort, destinationPort: String
  let ipChecksum, tcpChecksum, malformed, length: String

  init?(_ line: String) {
    let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 8 else { return nil }
    (source, destination, sourcePort, destinationPort) = (
      fields[0], fields[1], fields[2], fields[3]
    )
    (ipChecksum, tcpChecksum, malformed, length) = (fields[4], fields[5], fields[6], fields[7])
  }
}

@Suite(.serialized, .alone, .timeLimit(.minutes(10))) struct `20,000 captured probes` {
  @Test(
    arguments: [
      ("packet", "smallest", "60"), ("xdp", "smallest", "60"), ("packet", "linux", "74"),
      ("xdp", "windows", "66"), ("xdp", "none", "60"), ("generator", "smallest", "60"),
      ("generator", "linux", "74"),
    ])
  func `are well formed, go to each target once, and use all source addresses and ports`(
    transmit: String, profile: String, length: String
  ) throws {
    let lab = try Lab()
    let file = "\(try Lab.temporaryDirectory())/probes.pcap"
    let capture = try Running(
      lab.inside(
        lab.net,
        [
          "tcpdump", "-Z", "root", "-q", "-n", "-B", "8192", "-i", "net0", "-w", file,
          "tcp[tcpflags] == tcp-syn",
        ]))
    try capture.wait(for: "capture") { $0.errorText.contains("listening on") }
    let scan = try lab.scan([
      "-q", "-p", "80,443", "-n", "20000", "-r", "50k", "-c", "1", "--transmit", transmit,
      "--probe-options", profile, "-S", "198.18.0.1-198.18.0.64", "-s", "60000-60100",
      "198.19.0.0/16",
    ])
    #expect(scan.status == 0, "\(scan.errors)")
    capture.signal(SIGTERM)
    _ = try capture.wait()
    let read = try run(
      [
        "tshark", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
        "-T", "fields", "-e", "ip.src", "-e", "ip.dst", "-e", "tcp.srcport", "-e", "tcp.dstport",
        "-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-e", "_ws.malformed", "-e",
        "frame.len",
      ], seconds: 120)
    let probes = read.lines.compactMap(Captured.init)
    #expect(probes.count == 20_000)
    // Status 1 is "good".
    #expect(Set(probes.map(\.ipChecksum)) == ["1"])
    #expect(Set(probes.map(\.tcpChecksum)) == ["1"])
    #expect(Set(probes.map(\.malformed)) == [""])
    #expect(Set(probes.map(\.length)) == [length])
    #expect(Set(probes.map { "\($0.destination) \($0.destinationPort)" }).count == 20_000)
    #expect(Set(probes.map(\.source)) == Set((1...64).map { "198.18.0.\($0)" }))
    #expect(Set(probes.map(\.sourcePort)) == Set((60000...60100).map(String.init)))
  }
}
