// The in-kernel generator (bpf/probes.bpf.c): its programs and the memory shared with them. Loading needs CAP_BPF,
// CAP_PERFMON and CAP_NET_ADMIN; running needs no privilege.
import CLinux

/// The loaded generator of one interface. Each of its rings is used by one thread.
public final class ProbeGenerator: Sendable {
  /// The size of a template's frame in bytes.
  public static let frameSize = 96
  /// The number of entries in each ring, a power of two.
  public static let ringSize = Int(SYNBOX_RING_ENTRIES)
  /// The most rings.
  public static let mostRings = Int(SYNBOX_RINGS)
  /// The program that builds the frames. The descriptor is borrowed.
  public let program: Int32
  private let object: BPFObject
  private let settle: Descriptor
  private let redirectError: Descriptor
  /// Holds a `struct synbox_sender` for each ring.
  let senders: MappedMemory
  /// Holds for each processor one more than the number of its ring, or 0.
  let ringOfProcessor: MappedMemory
  private let templates: MappedMemory
  private let nextHops: MappedMemory
  let rings: Int
  private let templateCount: Int
  private let nextHopCount: Int

  /// Loads the programs and maps their memory.
  ///
  /// - Parameters:
  ///   - interface: the interface that frames leave by, in the network namespace of the threads that run the rings.
  ///     Its driver must have ndo_xdp_xmit.
  ///   - rings, sources, nextHops: the most of each.
  ///   - restoresLengths: keeps a neighbour from cutting frames short, which is possible on virtual links.
  ///   - floods: loads the flood program, which sends a constant frame instead of probes; for benchmarks.
  public init(
    interface: Int32, rings: Int, sources: Int, nextHops: Int, restoresLengths: Bool = false,
    floods: Bool = false
  ) throws(Fault) {
    let processors = Int(libbpf_num_possible_cpus())
    guard rings <= Self.mostRings, processors <= Int(SYNBOX_PROCESSORS) else {
      throw Fault(
        "the in-kernel generator supports at most \(Self.mostRings) senders and \(SYNBOX_PROCESSORS) processors, "
          + "not \(rings) and \(processors)", remedy: "Use fewer senders")
    }
    let object = try BPFObject(.probes)
    let counts = ["TEMPLATES": 2 * sources, "NEXT_HOPS": nextHops, "SENDERS": rings]
    for (map, count) in counts { try object.setMaxEntries(map, UInt32(count)) }
    if floods {
      try object.setAutoload("probes", false)
      try object.setAutoload("flood", true)
    }
    try object.setReadOnlyData(
      Contract.generatorSettings(interface: interface, restoresLengths: restoresLengths))
    try object.load()
    senders = try Self.map("SENDERS", of: object)
    ringOfProcessor = try Self.map(".bss", of: object)
    templates = try Self.map("TEMPLATES", of: object)
    self.nextHops = try Self.map("NEXT_HOPS", of: object)
    settle = try Self.trace("settle", of: object)
    redirectError = try Self.trace("redirect_error", of: object)
    program = try object.program(floods ? "flood" : "probes")
    self.object = object
    self.rings = rings
    templateCount = 2 * sources
    nextHopCount = nextHops
  }

  private static func map(_ name: String, of object: borrowing BPFObject) throws(Fault)
    -> MappedMemory
  {
    let map = try object.map(name)
    let stride = (map.valueSize + 7) & ~7
    return try MappedMemory(
      descriptor: map.number, offset: 0, count: map.maxEntries * stride, writable: true,
      what: "the BPF map \(name)")
  }

  private static func trace(_ name: String, of object: borrowing BPFObject) throws(Fault)
    -> Descriptor
  {
    let program = try object.program(name)
    let link = bpf_raw_tracepoint_open(nil, program)
    guard link >= 0 else {
      throw Fault(
        "cannot attach the generator's program \(name) to its tracepoint", cause: Errno(-link),
        remedy: "This needs root or CAP_PERFMON, and a kernel with the XDP tracepoints")
    }
    return Descriptor(owning: link)
  }

  /// Sets a template (`struct synbox_template`). No ring may be running.
  ///
  /// - Parameter index: twice the source's index, plus one for the RST.
  public func setTemplate(_ index: Int, frame: [UInt8]) {
    precondition(index >= 0 && index < templateCount && frame.count <= Self.frameSize)
    let size = MemoryLayout<synbox_template>.size
    let template = unsafe UnsafeMutableRawBufferPointer(
      start: templates.start + index * size, count: size)
    for offset in 0..<size {
      unsafe template[offset] = offset < frame.count ? frame[offset] : 0
    }
  }

  /// Sets the first eight bytes of frames to a next hop, in memory order.
  public func setNextHop(_ index: Int, _ word: UInt64) {
    precondition(index >= 0 && index < nextHopCount)
    unsafe nextHops.start.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
  }
}

extension BPFMap {
  /// Sets an element of a BPF_MAP_TYPE_PROG_ARRAY.
  public func setProgram(_ program: Int32, at index: UInt32) throws(Fault) {
    try update(key: bytes(of: index), value: bytes(of: program))
  }

  private func bytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] {
    unsafe withUnsafeBytes(of: value) { unsafe [UInt8]($0) }
  }
}
