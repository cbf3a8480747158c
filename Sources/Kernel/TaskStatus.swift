// The kernel's report about the threads of a process: /proc/PID/task/*/status.
import CLinux

/// The lines of a thread's `status` that concern privilege (proc_pid_status(5)).
public struct TaskStatus: Hashable, Sendable {
  /// The line `Seccomp`.
  public enum Seccomp: Int, Sendable {
    case disabled = 0
    case strict = 1
    case filter = 2
  }

  public let task: Int32
  /// The real, effective, saved and file-system IDs: the lines `Uid` and `Gid`.
  public let users: [UInt32]
  public let groups: [UInt32]
  public let supplementaryGroups: [UInt32]
  public let inheritable: CapabilitySet
  public let permitted: CapabilitySet
  public let effective: CapabilitySet
  public let bounding: CapabilitySet
  public let ambient: CapabilitySet
  public let noNewPrivileges: Bool
  public let seccomp: Seccomp

  /// Parses the content of a `status` file. Strict, because the proof of the drop relies on it: each line must occur
  /// exactly once and have exactly the kernel's format.
  public init(task: Int32, parsing text: String) throws(Fault) {
    let lines = StatusLines(task: task, text: text)
    self.task = task
    users = try lines.numbers("Uid", count: 4)
    groups = try lines.numbers("Gid", count: 4)
    supplementaryGroups = try lines.numbers("Groups")
    inheritable = try lines.capabilities("CapInh")
    permitted = try lines.capabilities("CapPrm")
    effective = try lines.capabilities("CapEff")
    bounding = try lines.capabilities("CapBnd")
    ambient = try lines.capabilities("CapAmb")
    noNewPrivileges = try lines.digit("NoNewPrivs", below: 2) == 1
    let mode = try lines.digit("Seccomp", below: 3)
    guard let seccomp = Seccomp(rawValue: mode) else { preconditionFailure("mode \(mode)") }
    self.seccomp = seccomp
  }

  /// Returns the status of every thread of a process, sorted by ID.
  ///
  /// - Parameter process: nil for this process.
  public static func all(of process: Int32? = nil) throws(Fault) -> [TaskStatus] {
    var statuses: [TaskStatus] = []
    for task in try tasks(of: process) {
      // A thread may have ended since the listing; then it has no privileges.
      guard let text = try readText("\(directory(of: process))/\(task)/status") else { continue }
      statuses.append(try TaskStatus(task: task, parsing: text))
    }
    return statuses
  }

  private static func directory(of process: Int32?) -> String {
    "/proc/\(process.map(String.init) ?? "self")/task"
  }

  /// Returns the IDs of the threads of a process, sorted; nil for this process.
  public static func tasks(of process: Int32? = nil) throws(Fault) -> [Int32] {
    let path = directory(of: process)
    guard let directory = unsafe opendir(path) else {
      throw Fault("cannot list \(path)", cause: .last, remedy: "Mount /proc")
    }
    defer { unsafe closedir(directory) }
    var tasks: [Int32] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name.0) { unsafe String(cString: $0) }
      if let task = Int32(name) { tasks.append(task) }
    }
    guard !tasks.isEmpty else { throw Fault("\(path) lists no threads") }
    return tasks.sorted()
  }

  /// Returns this process's peak of resident memory: the line `VmHWM`. (getrusage(2) includes the program before
  /// execve(2).)
  public static func peakResidentBytes() throws(Fault) -> UInt64 { try memory("VmHWM") }

  /// Returns the amount of this process's locked memory: the line `VmLck`.
  public static func lockedBytes() throws(Fault) -> UInt64 { try memory("VmLck") }

  private static func memory(_ key: String) throws(Fault) -> UInt64 {
    let path = "/proc/self/status"
    let line = try readText(path)?.split(separator: "\n").first { $0.hasPrefix("\(key):") }
    guard let number = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first,
      let kibibytes = UInt64(number)
    else {
      throw Fault("\(path) has no line \(key) in kB", remedy: "Mount /proc")
    }
    return kibibytes * 1024
  }

  /// Returns the content of a file in /proc; nil if its thread has ended.
  private static func readText(_ path: String) throws(Fault) -> String? {
    do throws(Errno) {
      let file = Descriptor(owning: try syscall { unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0) })
      var text: [UInt8] = []
      var part = [UInt8](repeating: 0, count: 4096)
      while let count = try file.read(into: &part), count > 0 { text += part[..<count] }
      return String(decoding: text, as: UTF8.self)
    } catch {
      if error.number == ENOENT || error.number == ESRCH { return nil }
      throw Fault("cannot read \(path)", cause: error)
    }
  }
}

/// Lines of the form `Key:\tvalue`.
private struct StatusLines {
  let task: Int32
  let lines: [Substring]

  init(task: Int32, text: String) {
    self.task = task
    lines = text.split(separator: "\n")
  }

  private func value(_ key: String) throws(Fault) -> Substring {
    let prefix = "\(key):\t"
    let found = lines.filter { $0.hasPrefix(prefix) }
    guard found.count == 1, let line = found.first else {
      throw Fault("the status of task \(task) has \(found.count) lines \(key), expected one")
    }
    return line.dropFirst(prefix.count)
  }

  /// Parses decimal numbers separated by tabs or spaces; exactly `count` if that is given.
  func numbers(_ key: String, count: Int? = nil) throws(Fault) -> [UInt32] {
    let text = try value(key)
    let words = text.split(whereSeparator: { $0 == "\t" || $0 == " " })
    let numbers = words.compactMap { UInt32($0) }
    guard numbers.count == words.count, numbers.count == count ?? numbers.count else {
      throw Fault(
        "the status of task \(task) has \(key) \(text), expected \(count.map { "\($0) " } ?? "")numbers"
      )
    }
    return numbers
  }

  /// Parses exactly 16 hexadecimal digits.
  func capabilities(_ key: String) throws(Fault) -> CapabilitySet {
    let text = try value(key)
    guard text.utf8.count == 16, text.allSatisfy({ $0.isASCII && $0.isHexDigit }),
      let bits = UInt64(text, radix: 16)
    else {
      throw Fault("the status of task \(task) has \(key) \(text), expected 16 hexadecimal digits")
    }
    return CapabilitySet(rawValue: bits)
  }

  /// Parses one decimal digit below `limit`.
  func digit(_ key: String, below limit: Int) throws(Fault) -> Int {
    let text = try value(key)
    guard text.utf8.count == 1, let number = Int(text), (0..<limit).contains(number) else {
      throw Fault("the status of task \(task) has \(key) \(text), expected 0 to \(limit - 1)")
    }
    return number
  }
}
