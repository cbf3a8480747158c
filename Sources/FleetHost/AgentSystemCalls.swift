// The system calls that the agent may make after its drop, and why.
import Confinement
import Kernel
import ServiceHost

/// The list, as the scanner has one (`Confinement/SystemCallTable.swift`): every other call is fatal.
public enum AgentSystemCalls {
  public static func rules(inProcess process: Int32) -> [SystemCallRule] {
    network + files + ServiceSystemCalls.rules(inProcess: process) + refused
  }

  private static let network = [
    SystemCallRule(
      "socket", "connects to a broker", "AF_INET, SOCK_STREAM",
      [.equals(0, .AF_INET), .masked(1, 0xf, .SOCK_STREAM)]),
    SystemCallRule(
      "socket", "connects to a broker", "AF_INET6, SOCK_STREAM",
      [.equals(0, .AF_INET6), .masked(1, 0xf, .SOCK_STREAM)],
      use: .rare("a broker has an IPv6 address")),
    SystemCallRule("connect", "connects to a broker"),
    SystemCallRule("getsockname", "reads the own address of the connection"),
    SystemCallRule("getpeername", "reads the broker's address"),
    SystemCallRule(
      "setsockopt", "sends small requests at once", "IPPROTO_TCP, TCP_NODELAY",
      [.equals(1, .IPPROTO_TCP), .equals(2, .TCP_NODELAY)]),
    SystemCallRule(
      "getsockopt", "reads why a connection failed", "SOL_SOCKET, SO_ERROR",
      [.equals(1, .SOL_SOCKET), .equals(2, .SO_ERROR)]),
    SystemCallRule("read", "reads the connection, files, signals and wake-ups"),
    SystemCallRule("write", "writes the connection, files, the log and wake-ups"),
    SystemCallRule(
      "writev", "writes several pieces to the connection",
      use: .rare("the broker takes them more slowly than they are made")),
    SystemCallRule(
      "shutdown", "ends a connection", use: .rare("the broker ends it first")),
  ]

  private static let files = [
    SystemCallRule("openat2", "opens files beneath the data directory"),
    SystemCallRule("openat", "reads and writes the agent's own files"),
    SystemCallRule("newfstatat", "reads kind, size and times of files"),
    SystemCallRule(
      "fstat", "reads the size of an open file",
      use: .rare("another version of the C library does not use newfstatat for it")),
    SystemCallRule("pread64", "reads results and target files in pieces"),
    SystemCallRule("getdents64", "lists directories"),
    SystemCallRule("ftruncate", "cuts an unfinished target file back to what is known to be there"),
    SystemCallRule("fsync", "flushes target files, state and manifests"),
    SystemCallRule("rename", "replaces one of the agent's own files"),
    SystemCallRule(
      "renameat2", "moves a target file into the spool", "RENAME_NOREPLACE",
      [.equals(4, .RENAME_NOREPLACE)]),
    SystemCallRule("unlink", "removes what a file of the agent's own replaces"),
    SystemCallRule("unlinkat", "removes old target files and manifests"),
  ]

  /// Other sockets fail, which the proof of the drop tries.
  private static let refused =
    SystemCallTable.refused.filter { $0.name != "socket" }
    + [("AF_UNIX", UInt64.AF_UNIX), ("AF_PACKET", .AF_PACKET)].map { name, value in
      SystemCallRule(
        "socket", "the proof of the drop tries to open one", name, [.equals(0, value)],
        action: .refuse(.notPermitted))
    }
}
