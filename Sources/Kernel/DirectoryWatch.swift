// What happens in a directory, as a hint (inotify(7)): the directory itself is the truth.
import CLinux

/// Watches one directory without blocking.
public struct DirectoryWatch: ~Copyable, Sendable {
  /// What happened to a name.
  public enum Change: Hashable, Sendable {
    /// It is new: made by open(2), link(2) or mkdir(2).
    case created
    case opened
    /// Bytes were written.
    case modified
    /// Closed by somebody who could write.
    case closedAfterWriting
    /// Closed by somebody who could only read.
    case closed
    /// It came by rename(2).
    case movedIn
    /// It went, by unlink(2) or rename(2).
    case gone
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
    (0x100, .created), (0x20, .opened), (0x2, .modified), (0x8, .closedAfterWriting),
    (0x10, .closed), (0x80, .movedIn), (0x200, .gone), (0x40, .gone),
  ]

  private let descriptor: Descriptor
  /// To wait on.
  public var number: Int32 { descriptor.number }

  /// Throws a `Fault` when the directory is not there or the user's limit of watches is reached.
  public init(_ path: String) throws(Fault) {
    do throws(Errno) {
      descriptor = try Self.open(path)
    } catch {
      throw Fault(
        "cannot watch the directory \(path)", cause: error,
        remedy: error.number == ENOSPC || error.number == EMFILE
          ? "Raise fs.inotify.max_user_watches or max_user_instances" : nil)
    }
  }

  private static func open(_ path: String) throws(Errno) -> Descriptor {
    let number = try syscall { inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC)) }
    let descriptor = Descriptor(owning: number)
    let mask = changes.reduce(0) { $0 | $1.bit }
    try syscall { unsafe inotify_add_watch(number, path, mask) }
    return descriptor
  }

  /// What happened since the last call; nil when the kernel had to drop some of it, or the watch ended:
  /// then nothing is known, and the directory must be listed.
  public func events() throws(Fault) -> [Event]? {
    var events: [Event] = []
    var lost = false
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    do throws(Errno) {
      while let count = try descriptor.read(into: &buffer), count > 0 {
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
      }
    } catch {
      throw Fault("cannot read what happens in a watched directory", cause: error)
    }
    return lost ? nil : events
  }
}
