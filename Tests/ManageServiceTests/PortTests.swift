// What a neighbour finds open on a host that scans on one interface and is managed on another.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Open ports of a managed host` {
  /// The ports that nmap finds open.
  private func openPorts(_ address: String, from namespace: String, _ lab: Lab) throws -> [String] {
    let outcome = try run(
      lab.inside(namespace, ["nmap", "-n", "-Pn", "-p-", "--min-rate", "5000", "-oG", "-", address]),
      seconds: 240)
    guard outcome.status == 0, outcome.output.contains("Status: Up") else {
      throw LabError("nmap \(address): \(outcome.output)\(outcome.errors)")
    }
    return outcome.output.matches(of: /(\d+)\/open\/tcp/).map { String($0.output.1) }
  }

  @Test func `are one on the management side, and none on the scan side`() throws {
    let lab = try Lab()
    let neighbour = "\(lab.name)-mgmt"
    try mustRun(["ip", "netns", "add", neighbour])
    defer { _ = try? run(["ip", "netns", "delete", neighbour]) }
    let pair = ["type", "veth", "peer", "name", "peer0", "netns", neighbour]
    try mustRun(["ip", "-n", lab.box, "link", "add", "mgmt0"] + pair)
    for (namespace, link, address) in [
      (lab.box, "mgmt0", "192.0.2.1/24"), (neighbour, "peer0", "192.0.2.2/24"),
    ] {
      try mustRun(["ip", "-n", namespace, "address", "add", address, "dev", link])
      try mustRun(["ip", "-n", namespace, "link", "set", link, "up"])
    }
    let service = try ManageLab(under: lab.inside(lab.box, []), listen: "mgmt0")
    try Data(
      "data = \"data\"\ninterface = \"box0\"\n[scope]\nallow = [\"198.18.0.0/15\"]\n".utf8
    ).write(to: service.url("synbox.toml"))
    let box = try Running(
      lab.inside(lab.box, [Lab.synbox, "serve", "--config", service.url("synbox.toml").path]))
    try box.wait(for: "status.json") { _ in service.exists("data/status.json") }

    #expect(try openPorts("192.0.2.1", from: neighbour, lab) == ["\(service.port)"])
    // The management address too, which Linux would answer for on any interface.
    try mustRun(["ip", "-n", lab.net, "route", "add", "192.0.2.1/32", "via", "198.18.0.1"])
    for address in ["198.18.0.1", "198.18.0.64", "192.0.2.1"] {
      #expect(try openPorts(address, from: lab.net, lab).isEmpty, "\(address)")
    }
    // No UDP either, and nothing else that listens.
    let listening = try mustRun(lab.inside(lab.box, ["ss", "-Hlntu"])).lines
    #expect(listening.count == 1, "\(listening)")
    #expect(service.service.isRunning && box.isRunning)
  }
}
