// Decides for any number of services. Pure: events in, effects out, times are parameters.

/// Services by their numbers, from 0. Each has a machine of its own, so that what one does changes nothing for another.
public struct ServiceGroup: Hashable, Sendable {
  public enum Event: Hashable, Sendable {
    case tick
    case started(Int)
    /// The process could not be started.
    case notStarted(Int)
    /// The start helper has become the service.
    case began(Int)
    case heartbeat(Int)
    case ended(Int)
    /// What the service needs is missing: it is not started until it is released.
    case hold(Int)
    case release(Int)
    /// The cause of its failure is gone, so that it need not wait any longer.
    case restartNow(Int)
    /// End its process, and start none until it is resumed.
    case suspend(Int)
    case resume(Int)
    /// End all services for good.
    case stop
  }

  public enum Effect: Hashable, Sendable {
    case start(Int)
    /// The service is up: check the privileges of its process.
    case verify(Int)
    /// Ask its process to end (SIGTERM).
    case terminate(Int)
    case kill(Int, ServiceMachine.KillReason)
    /// It will be started again after this many seconds.
    case wait(Int, seconds: Int)
  }

  private var machines: [ServiceMachine]
  private var held: Set<Int> = []

  public init(_ timings: [ServiceTiming], now: UInt64) {
    machines = timings.map { ServiceMachine($0, now: now) }
  }

  public mutating func handle(_ event: Event, at now: UInt64) -> [Effect] {
    switch event {
    case .tick: return machines.indices.compactMap { step($0, at: now) }
    case .started(let service): machines[service].started(at: now)
    case .began(let service): machines[service].recordBeginning()
    case .heartbeat(let service):
      return machines[service].recordHeartbeat(at: now) ? [.verify(service)] : []
    case .notStarted(let service), .ended(let service):
      return machines[service].ended(at: now).map { [.wait(service, seconds: $0)] } ?? []
    case .hold(let service): held.insert(service)
    case .release(let service): held.remove(service)
    case .restartNow(let service): machines[service].restartNow(at: now)
    case .suspend(let service):
      return machines[service].suspend(at: now) ? [.terminate(service)] : []
    case .resume(let service): machines[service].resume(at: now)
    case .stop:
      return machines.indices.filter { machines[$0].stop(at: now) }.map { .terminate($0) }
    }
    return []
  }

  private mutating func step(_ service: Int, at now: UInt64) -> Effect? {
    switch machines[service].step(at: now) {
    case nil: nil
    case .start: held.contains(service) ? nil : .start(service)
    case .verify: .verify(service)
    case .kill(let reason): .kill(service, reason)
    }
  }

  public subscript(service: Int) -> ServiceMachine { machines[service] }

  /// Whether a service would be started now if nothing held it.
  public func isDue(_ service: Int, at now: UInt64) -> Bool {
    var machine = machines[service]
    return machine.step(at: now) == .start
  }

  /// Whether all services have ended for good.
  public var hasStopped: Bool { machines.allSatisfy(\.hasStopped) }
}
