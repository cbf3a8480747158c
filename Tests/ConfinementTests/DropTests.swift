// The drop: what remains after it, and that it fails unless it is complete.
import Foundation
import Testing

/// The status of a thread without privileges.
private let nothing = "0 0 0 0 0 nnp true seccomp filter"

@Suite(.timeLimit(.minutes(5))) struct `After the drop` {
  @Test func `every set of the process is empty and the report says so`() throws {
    let run = try probe("drop")
    #expect(run.all("task") == [nothing])
    let report = try #require(run["report"])
    let start =
      "uid 0 gid 0, no capabilities, bounding none, no_new_privs, system calls enforced, Landlock "
    let end =
      ", no core dumps; refused: socket(AF_PACKET, SOCK_RAW) EPERM, chroot(\"/\") EPERM, open(\"/\") EACCES, "
      + "socket(AF_UNIX) EPERM"
    #expect(report.hasPrefix(start) && report.hasSuffix(end), "\(report)")
    #expect(run["end"] == "drop")
  }

  @Test func `threads started later have no privileges either`() throws {
    let run = try probe("threads-afterwards")
    #expect(run.all("thread") == ["0", "0", "0"])
    #expect(run.all("task") == [nothing, nothing, nothing, nothing])
  }

  @Test func `the process runs as the user of the policy`() throws {
    let run = try probe("become-nobody")
    #expect(run["user"] == "uid 65534 gid 65534")
    #expect(run.all("task") == [nothing])
    #expect(run["user-ids"]?.hasSuffix(" []") == true, "no supplementary group is left")
  }

  @Test func `threads start, wait for each other, allocate and end`() throws {
    let run = try probe("runtime")
    #expect(run["sum"] == "160000")
    #expect(run.all("both-confined") == ["true", "true", "true", "true"])
    #expect(run["end"] == "runtime", "\(run.output)")
  }

  @Test func `the C library's abort and Swift's traps end the process as usual`() throws {
    #expect(try probe("abort").signal == SIGABRT)
    #expect(try probe("trap").signal == SIGILL || probe("trap").signal == SIGTRAP)
  }

  /// 2: dentries and inodes (Documentation/admin-guide/sysctl/vm.rst).
  @Test func `the process can read its own part of proc after the kernel has shrunk its caches`() throws
  {
    let run = try probe("cache-trimmed") {
      try Data("2".utf8).write(to: URL(fileURLWithPath: "/proc/sys/vm/drop_caches"))
    }
    #expect(run["tasks"] == "1" && run["peak"] == "true", "\(run.output)")
  }

  @Test func `a process started without privileges is confined but keeps its bounding set`() throws {
    let run = try probe("start-as-nobody")
    let task = try #require(run["task"]).split(separator: " ")
    #expect(task[0...2] == ["0", "0", "0"] && task[3] != "0" && task[4] == "0")
    #expect(try #require(run["report"]).contains("no capabilities, bounding all"))
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The drop fails` {
  @Test func `if a second thread exists`() throws {
    let run = try probe("thread-before")
    #expect(try #require(run["fault"]).contains("already has 2 threads"))
    #expect(run["end"] == nil)
  }

  @Test(arguments: [
    ("omit-capabilities", "in its permitted set"),
    ("omit-capabilities-and-status", "socket(AF_PACKET, SOCK_RAW) succeeded"),
    ("omit-filter", "socket(AF_UNIX) succeeded"),
    ("omit-landlock", "open(\"/\") succeeded"),
    ("omit-user", "expected uid 65534 gid 65534 only"),
  ])
  func `if a step did not take effect`(scenario: String, message: String) throws {
    let run = try probe(scenario)
    #expect(try #require(run["fault"]).contains(message))
    #expect(run["report"] == nil)
  }

  @Test func `if a directory of the policy is missing`() throws {
    let run = try probe("missing-path")
    #expect(
      run["fault"]
        == "cannot add a Landlock rule for /no/such/directory: No such file or directory (ENOENT)")
  }
}
