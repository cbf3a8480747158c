// Performs what the group of services decides: starts processes, reads their pipes, checks, kills and reaps them.
import Confinement
import Kernel

/// What happened to a service.
package enum ServiceReport {
  /// A line for the console.
  case line(Int, String)
  case beat(Int, Beat)
  /// A record that it has written; untrusted.
  case record(Int, [UInt8])
  /// It works: its first heartbeat has come or, if it sends none, its program has begun. `privilege` is the kernel's view
  /// of it.
  case up(Int, privilege: String)
  /// It is killed because of a privilege that it must not have.
  case unconfined(Int, String)
  case killed(Int, ServiceMachine.KillReason)
  /// It has ended; `lines` are the last of its output, and it is started again after so many seconds.
  case ended(Int, ProcessEnd, lines: [String], restart: Int?)
  case notStarted(Int, Fault, restart: Int?)
}

/// The services of this machine. A service is its number in the list it was made with.
package final class Services {
  package let specifications: [ServiceSpecification]
  private var group: ServiceGroup
  private var processes: [ServiceProcess?]
  private var sockets: [[Listener]]
  private let helper: [String]
  private let reapsOrphans: Bool
  /// Returns the namespace of the services, and makes it if there is none.
  private let servicesNetwork: () throws(Fault) -> NetworkNamespace
  /// What the next start of a service gets in addition.
  private var further: [Int: (arguments: [String], descriptors: [Int32])] = [:]
  private let ownNamespace = (try? NetworkNamespace.current())?.identity
  /// What has happened since the last `run`.
  private var reports: [ServiceReport] = []

  private final class Listener {
    let socket: Descriptor
    init(_ socket: consuming Descriptor) { self.socket = socket }
  }

  /// - Parameters:
  ///   - helper: the program of the start helper and its first words.
  ///   - reapsOrphans: whether to reap every child of this process, as PID 1 must.
  ///   - servicesNetwork: returns the network namespace of the services that are not in this process's own.
  package init(
    _ specifications: [ServiceSpecification], helper: [String], reapsOrphans: Bool, now: UInt64,
    servicesNetwork: @escaping () throws(Fault) -> NetworkNamespace = { () throws(Fault) in
      throw Fault("there is no network namespace for services")
    }
  ) {
    self.servicesNetwork = servicesNetwork
    self.specifications = specifications
    self.helper = helper
    self.reapsOrphans = reapsOrphans
    group = ServiceGroup(specifications.map(\.timing), now: now)
    processes = specifications.map { _ in nil }
    sockets = specifications.map { _ in [] }
  }

  /// Does what is due, and returns what has happened since the last call. Never waits.
  package func run(at now: UInt64) -> [ServiceReport] {
    for service in processes.indices { read(service, now) }
    reap(now)
    perform(.tick, now)
    defer { reports = [] }
    return reports
  }

  /// The descriptors that become readable when `run` has something to do.
  package func descriptors(at now: UInt64) -> [Int32] {
    processes.flatMap { $0?.descriptors(at: now) ?? [] }
  }

  // MARK: State

  package func isRunning(_ service: Int) -> Bool { processes[service] != nil }

  package func isUp(_ service: Int) -> Bool { group[service].isUp }

  package func starts(of service: Int) -> Int { group[service].starts }

  /// In nanoseconds.
  package func healthyDuration(of service: Int, at now: UInt64) -> UInt64 {
    group[service].healthyDuration(at: now)
  }

  /// Whether a service would be started now if nothing held it.
  package func isDue(_ service: Int, at now: UInt64) -> Bool { group.isDue(service, at: now) }

  package var hasStopped: Bool { group.hasStopped }

  // MARK: Requests

  /// Lets a service start, or keeps it from starting.
  package func setReady(_ service: Int, _ isReady: Bool, at now: UInt64) {
    perform(isReady ? .release(service) : .hold(service), now)
  }

  /// Ends a service until it is resumed.
  package func suspend(_ service: Int, at now: UInt64) { perform(.suspend(service), now) }

  package func resume(_ service: Int, at now: UInt64) { perform(.resume(service), now) }

  package func restartNow(_ service: Int, at now: UInt64) { perform(.restartNow(service), now) }

  /// Starts a service at once, once with more arguments and descriptors.
  func start(_ service: Int, with further: (arguments: [String], descriptors: [Int32]), at now: UInt64)
  {
    self.further[service] = further
    start(service, now)
  }

  /// Asks all services to end. Those that have not after five seconds are killed.
  package func stop(at now: UInt64) { perform(.stop, now) }

  package func send(_ signal: Signal, to service: Int) { processes[service]?.send(signal) }

  // MARK: Events and effects

  private func read(_ service: Int, _ now: UInt64) {
    guard let process = processes[service] else { return }
    // Lines before the first heartbeat are held back. If none comes, they are the reason and reported as such.
    let isHeld = specifications[service].heartbeatDescriptor != nil && !isUp(service)
    for line in process.readLines(isUp: isUp(service), at: now) where !isHeld {
      reports.append(.line(service, line))
    }
    if specifications[service].beginningDescriptor != nil, process.hasBegun {
      perform(.began(service), now)
    }
    for beat in process.readBeats() {
      perform(.heartbeat(service), now)
      reports.append(.beat(service, beat))
    }
    readRecords(service, now)
  }

  private func readRecords(_ service: Int, _ now: UInt64) {
    while let record = processes[service]?.readReport(at: now) {
      reports.append(.record(service, record))
    }
  }

  private func reap(_ now: UInt64) {
    for service in processes.indices where !reapsOrphans {
      guard let process = processes[service]?.process else { continue }
      if let (_, end) = ChildProcess.reap(process) { ended(service, end, now) }
    }
    while reapsOrphans, let (process, end) = ChildProcess.reap() {
      if let service = processes.firstIndex(where: { $0?.process == process }) {
        ended(service, end, now)
      }
    }
  }

  private func ended(_ service: Int, _ end: ProcessEnd, _ now: UInt64) {
    read(service, now)
    let lines = processes[service]?.lastLines ?? []
    processes[service] = nil
    reports.append(.ended(service, end, lines: lines, restart: perform(.ended(service), now)))
  }

  /// Performs the effects of an event. Returns the seconds until the restart that it caused, if it caused one.
  @discardableResult
  private func perform(_ event: ServiceGroup.Event, _ now: UInt64) -> Int? {
    var restart: Int?
    for effect in group.handle(event, at: now) {
      switch effect {
      case .start(let service): start(service, now)
      case .verify(let service): verify(service)
      case .terminate(let service): send(.terminate, to: service)
      case .kill(let service, let reason):
        reports.append(.killed(service, reason))
        send(.kill, to: service)
      case .wait(_, let seconds): restart = seconds
      }
    }
    return restart
  }

  private func start(_ service: Int, _ now: UInt64) {
    perform(.started(service), now)
    do throws(Fault) {
      // The process and the sockets belong to the namespace that this thread is in when it makes them.
      if let network = try network(of: service) {
        try network.run { () throws(Fault) in try open(service) }
      } else {
        try open(service)
      }
    } catch {
      further[service] = nil
      reports.append(.notStarted(service, error, restart: perform(.notStarted(service), now)))
    }
  }

  private func open(_ service: Int) throws(Fault) {
    try listen(service)
    processes[service] = try ServiceProcess(
      specifications[service], sockets: sockets[service].map { $0.socket.number }, helper: helper,
      further: further.removeValue(forKey: service) ?? ([], []))
  }

  /// The namespace of a service; nil if it is this process's own.
  private func network(of service: Int) throws(Fault) -> NetworkNamespace? {
    specifications[service].network == .services ? try servicesNetwork() : nil
  }

  /// Opens the sockets of a service that are not open yet. They stay open while it restarts.
  private func listen(_ service: Int) throws(Fault) {
    for socket in specifications[service].sockets.dropFirst(sockets[service].count) {
      sockets[service].append(Listener(try Descriptor.listening(on: socket.address)))
    }
  }

  private func verify(_ service: Int) {
    guard let process = processes[service] else { return }
    for line in process.takeLines() where specifications[service].heartbeatDescriptor != nil {
      reports.append(.line(service, line))
    }
    let statuses = (try? TaskStatus.all(of: process.process)) ?? []
    guard !statuses.isEmpty else {
      // A process that has just ended has no privileges.
      guard Files.kind(of: "/proc/\(process.process)/task") != nil else { return }
      reports.append(.unconfined(service, "its privileges cannot be read"))
      return process.send(.kill)
    }
    let namespaces = statuses.compactMap {
      NetworkNamespace.identity(ofTask: $0.task, in: process.process)
    }
    let privilege = ServicePrivilege(statuses, namespaces: Set(namespaces))
    reports.append(.up(service, privilege: "\(privilege)"))
    guard let excess = excess(privilege, of: service) else { return }
    reports.append(.unconfined(service, excess))
    process.send(.kill)
  }

  private func excess(_ privilege: ServicePrivilege, of service: Int) -> String? {
    let namespace: UInt64?
    do throws(Fault) {
      namespace = try network(of: service)?.identity ?? ownNamespace
    } catch {
      return "\(error)"
    }
    return switch specifications[service].drop {
    case .byService: privilege.excess(filtered: true, namespace: namespace)
    case .byHelper(let rules):
      privilege.excess(filtered: rules.systemCalls != nil, user: rules.user, namespace: namespace)
    }
  }
}
