// What a listing of the spool says.
import Kernel
import Plan

extension Spool {
  /// A queued file: complete, and with a usable name.
  public struct Candidate: Hashable, Comparable, Sendable {
    public let name: String
    public let priority: Priority
    /// The time of the last change of its name or content (`st_ctim`), nanoseconds since 1970.
    public let arrived: UInt64
    /// Bytes.
    public let size: UInt64

    package init(name: String, priority: Priority, arrived: UInt64, size: UInt64) {
      self.name = name
      self.priority = priority
      self.arrived = arrived
      self.size = size
    }

    /// By priority, then by age: the next to run is the least.
    public static func < (a: Self, b: Self) -> Bool {
      if a.priority != b.priority { return a.priority > b.priority }
      return (a.arrived, a.name) < (b.arrived, b.name)
    }
  }

  /// The contents of the spool at one moment.
  public struct Listing: Hashable, Sendable {
    /// Changes when anything else here does.
    public var number: UInt64 = 0
    /// The next to run first.
    public var queue: [Candidate] = []
    /// The files of the queue that exceed `Limits.bytes`.
    public var excess: [Candidate] = []
    /// Complete files whose names no job can have.
    public var unusable: [FileName] = []
    /// Symbolic links, directories, FIFOs, sockets and devices. The box never opens them.
    public var ignored: [FileName] = []
    /// The number of files that may still be being written, or for which the queue has no room yet.
    public var arriving = 0
    /// Requests to cancel jobs.
    public var cancellations: [Cancellation] = []

    public init() {}

    /// Finds the files that do not fit into `bytes` after those before them.
    mutating func measure(against bytes: UInt64) {
      var room = bytes
      for candidate in queue {
        if candidate.size <= room { room -= candidate.size } else { excess.append(candidate) }
      }
    }
  }

  /// What one listing may cost.
  public struct Limits: Hashable, Sendable {
    /// The most files that wait in the queue at one time. The others stay in the spool until there is room.
    public var queued = 10_000
    /// The most bytes that the files in the spool may have together. The last ones by priority and age are refused.
    public var bytes: UInt64 = .max
    /// How long reading the starts of new files may take, nanoseconds. At least one is read.
    public var readingTime: UInt64 = 100_000_000
    /// How long the spool may go without being read as a whole, nanoseconds: some file systems report no events.
    public var rescanInterval: UInt64 = 60_000_000_000

    public init() {}
  }
}
