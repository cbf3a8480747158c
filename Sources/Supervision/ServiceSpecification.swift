// What a service is, as a value.
import Confinement
import Kernel

/// A program that PID 1 keeps running, and what it may do.
public struct ServiceSpecification: Sendable {
  /// Who gives up the service's privileges.
  public enum Drop: Hashable, Sendable {
    /// The service itself, before its first heartbeat: it needs privilege to open what it works with. It must have a
    /// system-call filter, too.
    case byService
    /// The start helper, before the service's first instruction.
    case byHelper(StartRules)
  }

  /// The network namespace in which a service runs and its sockets listen.
  public enum Network: Hashable, Sendable {
    /// PID 1's own, which has the scan NIC alone.
    case own
    /// The one of the services, which has every other NIC.
    case services
  }

  /// A word, for messages.
  public var name: String
  public var program: String
  public var arguments: [String]
  public var drop: Drop
  /// Sockets that PID 1 opens once. The service gets them as descriptors 3 and up, in this order, named in the
  /// environment as sd_listen_fds(3) has it (`LISTEN_FDS`, `LISTEN_FDNAMES`). Connections wait while it restarts.
  public var sockets: [Socket]
  public var network: Network
  public var timing: ServiceTiming
  public var output: OutputLimits
  /// The size of the records that it writes to the pipe `REPORT_FD`, at most 512 bytes, so that each is written whole; nil
  /// if it has nothing to report.
  public var reportSize: Int?

  public struct Socket: Hashable, Sendable {
    public var name: String
    public var address: ListenAddress

    public init(name: String, address: ListenAddress) {
      self.name = name
      self.address = address
    }
  }

  public init(
    name: String, program: String, arguments: [String] = [], drop: Drop, sockets: [Socket] = [],
    network: Network = .own, timing: ServiceTiming, output: OutputLimits = OutputLimits(),
    reportSize: Int? = nil
  ) {
    precondition(reportSize.map { 1...512 ~= $0 } ?? true)
    precondition(drop != .byService || timing.heartbeatTimeout != nil)
    self.reportSize = reportSize
    self.name = name
    self.program = program
    self.arguments = arguments
    self.drop = drop
    self.sockets = sockets
    self.network = network
    self.timing = timing
    self.output = output
  }

  /// The descriptor of the pipe to which the service writes a byte every few seconds; nil if it sends no heartbeats.
  public var heartbeatDescriptor: Int? { timing.heartbeatTimeout.map { _ in 3 + sockets.count } }

  /// The descriptor of the pipe for its records; nil if it has none.
  public var reportDescriptor: Int? {
    reportSize.map { _ in 3 + sockets.count + (timing.heartbeatTimeout == nil ? 0 : 1) }
  }

  /// The descriptor of the pipe that the start helper closes when it becomes the service; nil if heartbeats tell that.
  var beginningDescriptor: Int? {
    guard timing.heartbeatTimeout == nil else { return nil }
    return 3 + sockets.count + (reportSize == nil ? 0 : 1)
  }

  /// What tells the service its descriptors.
  public var environment: [String] {
    var variables: [String] = []
    if !sockets.isEmpty {
      variables.append("LISTEN_FDS=\(sockets.count)")
      variables.append("LISTEN_FDNAMES=\(sockets.map(\.name).joined(separator: ":"))")
    }
    if let number = heartbeatDescriptor { variables.append("HEARTBEAT_FD=\(number)") }
    if let number = reportDescriptor { variables.append("REPORT_FD=\(number)") }
    return variables
  }

  /// Returns the program to start and its words, the first of which is its name.
  ///
  /// - Parameter helper: the program of the start helper and its first words.
  func command(helper: [String], further: [String] = []) -> (program: String, words: [String]) {
    switch drop {
    case .byService: return (program, [program] + arguments + further)
    case .byHelper(let rules):
      let start = StartHelper(
        rules: rules, environment: environment, closing: beginningDescriptor, program: program,
        arguments: arguments + further)
      return (helper.first ?? "", helper + start.words)
    }
  }
}
