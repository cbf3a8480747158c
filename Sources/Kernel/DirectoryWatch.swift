// Changes in a directory, as a hint of when to list it (inotify(7)).
import CLinux

/// A watch of one directory. Does not block.
public struct DirectoryWatch: ~Copyable, Sendable {
  /// What happened to a name.
  public enum Change: Hashable, Sendable {
    /// IN_CREATE: created by open(2), link(2) or mkdir(2).
    case created
    /// IN_OPEN.
    case opened
    /// IN_MODIFY: written to.
    case modified
    /// IN_CLOSE_WRITE: closed by a process that had it open for writing.
    case closedAfterWriting
    /// IN_CLOSE_NOWRITE: closed by a process that had it open for reading only.
    case closed
    /// IN_MOVED_TO: moved here by rename(2).
    case movedIn
    /// IN_DELETE or IN_MOVED_FROM: removed by unlink(2) or moved away by rename(2).
    case gone
    /// IN_ATTRIB: its attributes have changed, by chmod(2), chown(2) or utimensat(2) for example.
    case attributes
  }

  public struct Event: Hashable, Sendable {
    public let name: FileName
    public let change: Change

    public init(_ name: FileName, _ change: Change) {
      self.name = name
      self.change = change
    }
  }

  private static let changes: [(bit: UInt32, change: Change)] = [
    (UInt32(IN_CREATE), .created), (UInt32(IN_OPEN), .opened), (UInt32(IN_MODIFY), .modified),
    (UInt32(IN_CLOSE_WRITE), .closedAfterWriting), (UInt32(IN_CLOSE_NOWRITE), .closed),
    (UInt32(IN_MOVED_TO), .movedIn), (UInt32(IN_DELETE), .gone), (UInt32(IN_MOVED_FROM), .gone),
    (UInt32(IN_ATTRIB), .attributes),
  ]

  private let descriptor: Descriptor
  /// The descriptor to poll.
  public var number: Int32 { descriptor.number }

  /// Watches a directory; nil for none, of which there are no events.
  ///
  /// - Throws: a `Fault` if it does not exist or the user's limit of watches is reached.
  public init(_ path: String?) throws(Fault) {
    do throws(Errno) {
      descriptor = try Self.open(path)
    } catch {
      throw Fault(
        "cannot watch the directory \(path ?? "")", cause: error,
        remedy: error.number == ENOSPC || error.number == EMFILE
          ? "Raise fs.inotify.max_user_watches or max_user_instances" : nil)
    }
  }

  private static func open(_ path: String?) throws(Errno) -> Descriptor {
    let number = try syscall { inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC)) }
    let descriptor = Descriptor(owning: number)
    let mask = changes.reduce(0) { $0 | $1.bit }
    if let path { try syscall { unsafe inotify_add_watch(number, path, mask) } }
    return descriptor
  }

  /// Returns the changes since the last call; nil if the kernel dropped some, if more may wait, or if the watch ended, so
  /// that the directory must be listed.
  ///
  /// - Parameter limit: the most bytes of events to read, because a process can make them faster than they are read.
  public func events(limit: Int = 1 << 20) throws(Fault) -> [Event]? {
    var events: [Event] = []
    var lost = false
    var total = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    do throws(Errno) {
      while let count = try descriptor.read(into: &buffer), count > 0 {
        total += count
        var at = 0
        while at + 16 <= count {
          // struct inotify_event: wd, mask, cookie, len; then the name, padded with zeros.
          let mask = buffer.native(at: at + 4, as: UInt32.self) ?? 0
          let length = Int(buffer.native(at: at + 12, as: UInt32.self) ?? 0)
          let name = FileName(bytes: buffer[at + 16..<at + 16 + length].prefix { $0 != 0 })
          at += 16 + length
          if let change = Self.changes.first(where: { mask & $0.bit != 0 })?.change {
            events.append(Event(name, change))
          } else {
            lost = true
          }
        }
        if total >= limit { return nil }
      }
    } catch {
      throw Fault("cannot read the events of a watched directory", cause: error)
    }
    return lost ? nil : events
  }
}
