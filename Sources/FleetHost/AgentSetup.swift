// What the agent needs of the data directory before it gives up its privileges.
import Kernel
import ServiceHost

/// The preparation of a data directory for the agent.
public enum AgentSetup {
  /// Creates the agent's directories, and those of the box that are missing, and gives the agent the permissions that it
  /// needs. Without privilege it can only find out what is missing.
  ///
  /// - Parameter user: whom the agent will run as; nil if it stays who it is.
  /// - Returns: what was changed, for the log.
  public static func prepare(_ data: String, for user: Credentials?) throws(Fault) -> [String] {
    guard Files.kind(of: data + "/.") == .directory else {
      throw Fault(
        "there is no data directory \(data)",
        remedy: "Create it, or mount the file system that contains it")
    }
    for name in ["spool", "results", "rejected"] { try Files.makeDirectory("\(data)/\(name)") }
    try Files.makeDirectory("\(data)/active", mode: 0o700)
    try Files.makeDirectory("\(data)/staging", mode: 0o755)
    for name in AgentFolder.own {
      // The scanner reads the licence and the deny list.
      try Files.makeDirectory("\(data)/\(name)", mode: name == AgentFolder.fleetPath ? 0o755 : 0o700)
      if let user { try Files.handOver("\(data)/\(name)", to: user) }
    }
    guard let user else { return [] }
    return try SharedDirectories.share(data, with: user.gid)
  }
}
