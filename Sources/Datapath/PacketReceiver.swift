// Receiving by AF_PACKET capture where no XDP program can be attached.
import Kernel
import Synchronization
import Wire

public final class PacketReceiver: Receiver {
  public let mode = ReceiveMode.packet
  public let reason: String?
  /// The transmitter sends RSTs for addresses that are not this host's, and for frames that its own IPv4 does not
  /// take. For the others the kernel does, whose TCP sees the SYN-ACK too and knows no such connection.
  public let reset: ResetMethod
  /// By what the kernel says of each frame, so only what a local TCP sent can have one.
  public let acceptsPartialChecksums = true
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
      // A function, not a closure in a constant: that would lie on the heap.
      let classifier = state.classifier
      func classify(_ frame: Span<UInt8>, _ origin: PacketCapture.Origin) -> (Fate, Reply?) {
        let (fate, found) = classifier.classify(
          frame, time: Clock.monotonic, partialChecksum: origin.isChecksumPending)
        guard var reply = found else { return (fate, nil) }
        let kernelAnswers = origin.isForHost && local.contains(reply.destination)
        reply.needsRST = wantsReset && reply.kind == .open && !kernelAnswers
        return (fate, reply)
      }
      left -= try state.capture.drain(
        limit: left, counting: &state.fates, leaving: &state.waiting, classify: classify, handing: body)
      // The reply that waits is counted when it is taken.
      return limit - left - (state.waiting == nil ? 0 : 1)
    }
  }

  public func attach(generator program: Int32) throws(Fault) -> Int32? { nil }

  public func fates() throws(Fault) -> FateCounts { state.withLock { $0.fates } }
}

extension PacketCapture {
  /// Classifies what was captured, at most `limit` packets, and hands on the replies; how many packets. The
  /// reply that `take` does not want is left in `waiting`, and ends it.
  fileprivate mutating func drain(
    limit: Int, counting fates: inout FateCounts, leaving waiting: inout Reply?,
    classify: (Span<UInt8>, Origin) -> (Fate, Reply?), handing take: (Reply) -> Bool
  ) throws(Fault) -> Int {
    var taken = 0
    var failure: Errno?
    do throws(Errno) {
      taken = try drain(limit: limit) { frame, origin in
        let (fate, reply) = classify(frame, origin)
        fates[fate] += 1
        guard let reply, !take(reply) else { return true }
        waiting = reply
        return false
      }
    } catch {
      failure = error
    }
    // What the kernel had no room for may have been anything; it counts as lost events.
    if let drops = try? self.drops() { fates[.openRingFull] += drops }
    if let failure { throw Fault("cannot read captured packets", cause: failure) }
    return taken
  }
}
