// Receiving by AF_PACKET capture where no XDP program can be attached.
import Kernel
import Synchronization
import Wire

public final class PacketReceiver: Receiver {
  public let mode = ReceiveMode.packet
  public let reason: String?
  /// The transmitter sends RSTs for addresses that are not this host's. For its own the kernel does, whose
  /// TCP sees the SYN-ACK too and knows no such connection.
  public let reset: ResetMethod
  private let local: Set<IPv4Address>
  public let descriptor: Int32
  private let state: Mutex<State>

  private struct State: ~Copyable {
    var capture: PacketCapture
    var classifier: ReplyClassifier
    var fates = FateCounts()
    /// A reply that was read but could not be taken yet.
    var waiting: Reply?
  }

  /// Needs CAP_NET_RAW.
  public init(_ settings: ReceiveSettings, reason: String? = nil) throws(Fault) {
    let capture = try PacketCapture(interface: settings.interface, ports: settings.ports)
    descriptor = capture.descriptor
    self.reason = reason
    reset = settings.reset == .inPlace ? .transmitter : settings.reset
    local = settings.localSources
    state = Mutex(
      State(
        capture: capture,
        classifier: ReplyClassifier(
          cookie: Cookie(key: .random()), sources: Set(settings.sources), ports: settings.ports,
          reportClosed: settings.reportClosed, reportICMP: settings.reportICMP)))
  }

  public func setKey(_ key: SipHashKey) {
    state.withLock { $0.classifier.cookie = Cookie(key: key) }
  }

  public func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int {
    let (wantsReset, local) = (reset == .transmitter, self.local)
    return try state.withLock { (state) throws(Fault) -> Int in
      var left = limit
      if let waiting = state.waiting {
        guard left > 0, body(waiting) else { return 0 }
        state.waiting = nil
        left -= 1
      }
      // Copies: the closure below may not reach into the state whose capture is at work.
      let classifier = state.classifier
      var fates = state.fates
      var failure: Errno?
      var waiting: Reply?
      do throws(Errno) {
        left -= try state.capture.drain(limit: left) { frame in
          let (fate, reply) = classifier.classify(frame, time: Clock.monotonic)
          fates[fate] += 1
          guard var reply else { return true }
          reply.resetWanted =
            wantsReset && reply.kind == .open && !local.contains(reply.destination)
          if body(reply) { return true }
          waiting = reply
          return false
        }
      } catch {
        failure = error
      }
      // What the kernel had no room for may have been anything; it counts as lost events.
      if let drops = try? state.capture.drops() { fates[.openRingFull] += drops }
      state.fates = fates
      state.waiting = waiting
      if let failure { throw Fault("cannot read captured packets", cause: failure) }
      // The reply that waits is counted when it is taken.
      return limit - left - (waiting == nil ? 0 : 1)
    }
  }

  public func attach(generator program: Int32) throws(Fault) -> Int32? { nil }

  public func fates() throws(Fault) -> FateCounts { state.withLock { $0.fates } }
}
