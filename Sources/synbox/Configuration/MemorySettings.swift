// The settings that concern memory: two sizes, for the command line and the configuration alike, and its lock.
import Confinement
import Kernel
import Plan

/// Bytes that dedupe may take. It takes them as answers come, about 12 for each, and begins to forget when
/// it has no more: at a pair for each 10.2 bytes.
struct DedupeMemory: Hashable, ParsableValue {
  let bytes: Int

  private init(bytes: Int) { self.bytes = bytes }

  /// At 1 GiB 105 million pairs: every address that is open on a port, in one scan of the whole Internet.
  /// Not more than half of the machine, for a process that the kernel kills reports nothing at all.
  static let standard = DedupeMemory(bytes: Int(min(1 << 30, physicalMemory / 2)))
  private static let minimum: UInt64 = 64 << 10

  init(parsing text: String) throws(ValueError) {
    let size = try MemorySize(parsing: text).bytes
    guard size >= Self.minimum else {
      throw ValueError(found: "\"\(text)\"", expected: "at least 64K for dedupe, such as 64M or 2G")
    }
    bytes = Int(size)
  }

  static let evictionWarning =
    "dedupe has no memory left and forgets a pair for each new one: some may be reported twice. See "
    + "dedupe_evictions in the summary; --dedupe-memory gives it more"
}

/// Bytes of the BPF ring buffer that answers come through. 96 hold one.
struct EventRingSize: Hashable, ParsableValue {
  let bytes: UInt32

  private init(bytes: UInt32) { self.bytes = bytes }

  /// 43,690 answers.
  static let standard = EventRingSize(bytes: 1 << 22)

  /// The kernel wants a power of two and whole pages (kernel/bpf/ringbuf.c). At most 1 GiB, which is mapped
  /// twice over.
  init(parsing text: String) throws(ValueError) {
    let size = try MemorySize(parsing: text).bytes
    guard size & (size &- 1) == 0, size >= UInt64(pageSize), size <= 1 << 30 else {
      throw ValueError(
        found: "\"\(text)\"",
        expected: "a power of two from \(pageSize) bytes to 1G for the event ring")
    }
    bytes = UInt32(size)
  }
}

/// What it means that memory cannot be kept out of swap.
enum MemoryLocking: String, CaseIterable {
  /// The box does not start.
  case required
  /// It says so in its log, and starts.
  case wanted

  var need: ConfinementPolicy.Requirement {
    switch self {
    case .required: .required
    case .wanted: .wanted
    }
  }
}
