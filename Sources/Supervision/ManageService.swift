// The management service, `synbox-manage`, as a service of PID 1.
import Init
import Kernel

extension ServiceSpecification {
  /// The management service. It drops its privileges itself, after it has made or read its key and prepared the data
  /// directory.
  package static let management = Self(
    name: "management service", program: ManagementService.program,
    // An image has Landlock, so a lack of it is a fault of the image.
    arguments: ["serve", "--config", ManagementService.configuration, "--require-landlock"],
    drop: .byService,
    // No NIC in the namespace of the services has an address but the management NIC, whose address a DHCP server may change.
    sockets: [Socket(name: "https", address: .tcp(address: 0, port: ManagementService.port))],
    network: .services, timing: ServiceTiming(heartbeatSeconds: 15))
}

/// What PID 1 knows of the management service.
enum ManagementService {
  static let program = "/bin/synbox-manage"
  static let configuration = "/etc/synbox/manage.toml"
  static let port: UInt16 = 8443
  /// The group of its user and of the agent's, 60901, by which they submit files and mark results as fetched.
  private static let group: UInt32 = 60_901

  /// Whether the image has it, and a site for it.
  static var isPresent: Bool {
    Files.kind(of: program) == .file && Files.kind(of: configuration) == .file
  }

  /// Shares the directories that the scanner makes and the services use, before the first job, because the files of a job
  /// inherit the group. The scanner gives them its user.
  static func share(_ data: String) throws(Fault) {
    for (name, mode) in [("spool", UInt32(0o2775)), ("active", 0o2700)] {
      let path = "\(data)/\(name)"
      try Files.makeDirectory(path, mode: mode & 0o777)
      try Files.setGroup(path, group)
      try Files.setMode(path, mode)
    }
  }
}
