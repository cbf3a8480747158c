// The agent of a fleet, `synbox-agent`, as a service of PID 1.
import Init
import Kernel

extension ServiceSpecification {
  /// The agent. It drops its privileges itself, after it has read its identity and prepared the data directory.
  package static let agent = Self(
    name: "fleet agent", program: FleetAgent.program,
    // An image has Landlock, so a lack of it is a fault of the image.
    arguments: ["run", "--config", FleetAgent.configuration, "--require-landlock"],
    // It listens nowhere.
    drop: .byService, network: .services, timing: ServiceTiming(heartbeatSeconds: 15))
}

/// What PID 1 knows of the agent.
enum FleetAgent {
  static let program = "/bin/synbox-agent"
  static let configuration = "/etc/synbox/agent.toml"

  /// Whether the image has it, and a site for it.
  static var isPresent: Bool {
    Files.kind(of: program) == .file && Files.kind(of: configuration) == .file
  }
}
