// What killed test runs leave behind: programs, mounts, loop devices, namespaces and directories.
import Foundation

/// Finds the remains of dead test runs and removes them. Everything that tests make carries the number of the test process:
/// programs in their environment, all else in its name (`synbox-PID-N`).
public enum Leftovers {
  /// In the environment of each program that tests start; grandchildren inherit it.
  static let variable = "SYNBOX_TEST_RUN"
  /// This process: its number and its start, because numbers are used again.
  static let thisRun = "\(getpid())-\(startTime(of: getpid()) ?? 0)"

  /// Once per process, before the first name is given out.
  static let sweep: Void = { removeAll() }()

  /// Removes everything of runs that have ended, and returns a line for each thing removed.
  @discardableResult
  public static func removeAll() -> [String] {
    let removed = programs() + mounts() + loopDevices() + namespaces() + directories()
    if !removed.isEmpty {
      let text = removed.map { "removed after a killed test run: \($0)\n" }.joined()
      FileHandle.standardError.write(Data(text.utf8))
    }
    return removed
  }

  /// Kills programs whose test process is no more.
  private static func programs() -> [String] {
    numbers(in: "/proc").compactMap { pid in
      guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ"),
        let value = environment.split(separator: 0).lazy
          .map({ String(decoding: $0, as: UTF8.self) })
          .first(where: { $0.hasPrefix("\(variable)=") })
      else { return nil }
      let parts = value.dropFirst(variable.count + 1).split(separator: "-")
      guard parts.count == 2, let run = Int32(parts[0]), let start = UInt64(parts[1]),
        startTime(of: run) != start
      else { return nil }
      kill(pid, SIGKILL)
      return "process \(pid)"
    }
  }

  /// Unmounts what was mounted on a dead run's directories, the innermost first.
  private static func mounts() -> [String] {
    let table = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    let points = table.split(separator: "\n").compactMap { line -> String? in
      let fields = line.split(separator: " ")
      return fields.count > 1 ? String(fields[1]) : nil
    }
    // Namespaces are mounts too; `ip netns delete` unmounts them.
    return points.reversed().filter { isOfDeadRun($0) && !$0.hasPrefix("/run/netns/") }.map { point in
      _ = try? run(["umount", "--lazy", point])
      return "mount \(point)"
    }
  }

  private static func loopDevices() -> [String] {
    let list = (try? run(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"]))?.lines
    return (list ?? []).compactMap { line in
      let fields = line.split(separator: " ", maxSplits: 1)
      guard fields.count == 2, isOfDeadRun(String(fields[1])) else { return nil }
      _ = try? run(["losetup", "--detach", String(fields[0])])
      return "loop device \(fields[0])"
    }
  }

  private static func namespaces() -> [String] {
    names(in: "/run/netns").filter(isOfDeadRun).map { name in
      _ = try? run(["ip", "netns", "delete", name])
      return "namespace \(name)"
    }
  }

  private static func directories() -> [String] {
    [Lab.boxParent, Lab.temporaryParent].flatMap { parent in
      names(in: parent).filter(isOfDeadRun).map { name in
        try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
        return "directory \(parent)/\(name)"
      }
    }
  }

  /// Returns whether a path or name has a component `synbox-PID-…` whose process has ended.
  static func isOfDeadRun(_ path: String) -> Bool {
    path.split(separator: "/").contains { component in
      guard let match = component.prefixMatch(of: /synbox-([0-9]+)-/), let pid = Int32(match.1)
      else { return false }
      return startTime(of: pid) == nil
    }
  }

  /// When a process started, in ticks after boot; nil if there is none. proc_pid_stat(5), field 22; the second field
  /// is in parentheses and may hold blanks.
  private static func startTime(of pid: pid_t) -> UInt64? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let name = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[name...].split(separator: " ")
    return fields.count > 20 ? UInt64(fields[20]) : nil
  }

  private static func names(in directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory))?.sorted() ?? []
  }

  private static func numbers(in directory: String) -> [pid_t] {
    names(in: directory).compactMap { pid_t($0) }
  }
}
