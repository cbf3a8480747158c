// Receiving by AF_PACKET capture, for interfaces to which no XDP program can be attached.
import Kernel
import Synchronization
import Wire

/// Captures packets and classifies them in user space.
public final class PacketReceiver: Receiver {
  public let mode = ReceiveMode.packet
  public let reason: String?
  /// Whether SYN-ACKs ask for an RST, except for those that the host's own TCP receives too: it knows no such connection
  /// and sends an RST itself.
  private let wantsResets: Bool
  /// The kernel marks frames whose checksum is pending, so only frames of a local TCP are accepted without one.
  public let acceptsPartialChecksums = true
  public let dedicatedSources: Set<IPv4Address>
  public let dedicationFault: Fault?
  /// Sources that this host's kernel uses, too.
  private let local: Set<IPv4Address>
  public let descriptor: Int32
  private let state: Mutex<State>

  private struct State: ~Copyable {
    var capture: PacketCapture
    /// Drops what comes to dedicated sources after it was captured.
    let filter: IngressFilter?
    var classifier: ReplyClassifier
    var fates = FateCounts()
    /// The fates of valid replies by slot.
    var slotFates: [FateCounts]
    /// A reply that was captured, but that the caller of `drain` did not take.
    var waiting: Reply?
  }

  /// Opens the capture. Needs CAP_NET_RAW, and CAP_NET_ADMIN for dedicated sources.
  public init(_ settings: ReceiveSettings, reason: String? = nil) throws(Fault) {
    let capture = try PacketCapture(interface: settings.interface, ports: settings.ports)
    descriptor = capture.descriptor
    self.reason = reason
    wantsResets = settings.wantsResets
    // The kernel itself gets nothing for a dedicated source.
    var filter: IngressFilter?
    var fault: Fault?
    if !settings.dedicatedSources.isEmpty {
      do throws(NetlinkError) {
        filter = try IngressFilter(
          interface: settings.interfaceName, addresses: settings.dedicatedSources.sorted())
      } catch {
        fault = error.fault(
          "packet capture cannot keep packets to the source addresses from the kernel: it needs nftables",
          remedy: "Receive by XDP, or share the addresses with the host (source-use = \"shared\")")
      }
    }
    dedicationFault = fault
    dedicatedSources = fault == nil ? settings.dedicatedSources : []
    local = settings.localSources.subtracting(dedicatedSources)
    state = Mutex(
      State(
        capture: capture, filter: filter,
        classifier: ReplyClassifier(
          sources: Set(settings.sources), slots: KeySlots(settings.slots, ports: settings.ports),
          reportClosed: settings.reportClosed, reportICMP: settings.reportICMP),
        slotFates: (0..<settings.slots).map { _ in FateCounts() }))
  }

  public func setKey(_ key: SipHashKey?, slot: Int) {
    state.withLock { $0.classifier.setKey(key, slot: slot) }
  }

  public func drain(limit: Int, _ body: (Reply) -> Bool) throws(Fault) -> Int {
    let (wantsResets, local, dedicated) = (self.wantsResets, self.local, dedicatedSources)
    return try state.withLock { (state) throws(Fault) -> Int in
      var remaining = limit
      if let waiting = state.waiting {
        guard remaining > 0, body(waiting) else { return 0 }
        state.waiting = nil
        remaining -= 1
      }
      // A local function, because a closure in a constant would be allocated on the heap.
      let classifier = state.classifier
      func classify(_ frame: Span<UInt8>, _ origin: PacketCapture.Origin) -> (Fate, UInt8?, Reply?) {
        let (fate, slot, found) = classifier.classify(
          frame, time: Clock.monotonic, partialChecksum: origin.isChecksumPending)
        guard var reply = found else { return (fate, slot, nil) }
        let kernelSendsReset = origin.isForHost && local.contains(reply.destination)
        reply.needsRST = wantsResets && reply.kind == .open && !kernelSendsReset
        return (fate, slot, reply)
      }
      remaining -= try state.capture.drain(
        limit: remaining, dedicated, counting: &state.fates, &state.slotFates, leaving: &state.waiting,
        classify: classify, to: body)
      // A reply that waits is counted when it is taken.
      return limit - remaining - (state.waiting == nil ? 0 : 1)
    }
  }

  public func attach(generator program: Int32) throws(Fault) -> Int32? { nil }

  public func fates() throws(Fault) -> FateCounts { state.withLock { $0.fates } }

  public func fates(slot: Int) throws(Fault) -> FateCounts { state.withLock { $0.slotFates[slot] } }
}

extension PacketCapture {
  /// Classifies at most `limit` captured packets and passes the replies to `body`. A reply for which `body` returns
  /// false goes into `waiting`, and ends the call.
  ///
  /// - Returns: the number of packets read.
  fileprivate mutating func drain(
    limit: Int, _ dedicated: Set<IPv4Address>, counting fates: inout FateCounts,
    _ slotFates: inout [FateCounts],
    leaving waiting: inout Reply?, classify: (Span<UInt8>, Origin) -> (Fate, UInt8?, Reply?),
    to body: (Reply) -> Bool
  ) throws(Fault) -> Int {
    var count = 0
    var failure: Errno?
    do throws(Errno) {
      count = try drain(limit: limit) { frame, origin in
        let (fate, slot, reply) = classify(frame, origin)
        fates[fate] += 1
        if let slot {
          slotFates[Int(slot)][fate] += 1
        } else if !dedicated.isEmpty, let destination = ReplyClassifier.destination(of: frame) {
          if dedicated.contains(destination) { fates.withheld += 1 }
        }
        guard let reply, !body(reply) else { return true }
        waiting = reply
        return false
      }
    } catch {
      failure = error
    }
    // Packets that the kernel dropped may have been replies, so count them as lost events. Whose is unknown.
    if let drops = try? self.drops() { fates[.openRingFull] += drops }
    if let failure { throw Fault("cannot read captured packets", cause: failure) }
    return count
  }
}
