// The system calls that the management service may make after its drop, and why. docs/design/manage.md shows the table.
import Confinement
import Kernel
import ServiceHost

/// The list, as the scanner has one (`Confinement/SystemCallTable.swift`): every other call is fatal.
public enum ManageSystemCalls {
  public static func rules(inProcess process: Int32) -> [SystemCallRule] {
    network + files + ServiceSystemCalls.rules(inProcess: process) + SystemCallTable.refused
  }

  private static let network = [
    SystemCallRule("listen", "sets how many connections may wait, on sockets that listen already"),
    SystemCallRule("accept4", "accepts a connection"),
    SystemCallRule("getsockname", "reads the own address of a connection"),
    SystemCallRule("getpeername", "reads the client's address"),
    SystemCallRule(
      "setsockopt", "sends small answers at once", "IPPROTO_TCP, TCP_NODELAY",
      [.equals(1, .IPPROTO_TCP), .equals(2, .TCP_NODELAY)]),
    SystemCallRule(
      "getsockopt", "reads why a connection failed", "SOL_SOCKET, SO_ERROR",
      [.equals(1, .SOL_SOCKET), .equals(2, .SO_ERROR)], use: .rare("a client resets a connection")),
    SystemCallRule("read", "reads connections, files, signals and wake-ups"),
    SystemCallRule("write", "writes connections, uploads, the log, wake-ups and heartbeats"),
    SystemCallRule(
      "writev", "writes several pieces to a connection, and why the C library aborts",
      use: .rare("a client reads more slowly than the disk")),
  ]

  private static let files = [
    SystemCallRule("openat2", "opens files beneath the data directory"),
    SystemCallRule(
      "openat", "reads the token file, and this process's status for the proof of the drop",
      "O_RDONLY, without O_CREAT", [.lacks(2, .openForWriting)]),
    SystemCallRule("newfstatat", "reads kind, size and times of files"),
    SystemCallRule("pread64", "reads result files from the place that a client wants"),
    SystemCallRule("getdents64", "lists directories"),
    SystemCallRule("fsync", "flushes an upload and the spool before the answer"),
    SystemCallRule(
      "renameat2", "moves an upload into the spool", "RENAME_NOREPLACE", [.equals(4, .RENAME_NOREPLACE)]
    ),
    SystemCallRule("unlinkat", "removes refused uploads and old records of owners"),
    SystemCallRule("fstatfs", "reads the free space of the disk"),
    SystemCallRule(
      "fcntl", "makes sockets non-blocking", "F_SETFL", [.equals(1, .F_SETFL)]),
  ]
}
