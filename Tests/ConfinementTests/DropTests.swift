// The drop as a whole: what it leaves, and that it refuses to be half done.
import Foundation
import Testing

private let nothing = "0 0 0 0 0 nnp true seccomp filter"

@Suite struct `After the drop` {
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

  @Test func `threads started later have nothing either`() throws {
    let run = try probe("threads-afterwards")
    #expect(run.all("thread") == ["0", "0", "0"])
    #expect(run.all("task") == [nothing, nothing, nothing, nothing])
  }

  @Test func `the process is another user when the policy says so`() throws {
    let run = try probe("become-nobody")
    #expect(run["user"] == "uid 65534 gid 65534")
    #expect(run.all("task") == [nothing])
    #expect(run["user-ids"]?.hasSuffix(" []") == true, "no supplementary group is left")
  }

  @Test func `threads begin, wait for each other, allocate and end`() throws {
    let run = try probe("runtime")
    #expect(run["sum"] == "160000")
    #expect(run.all("both-confined") == ["true", "true", "true", "true"])
    #expect(run["end"] == "runtime", "\(run.output)")
  }

  @Test func `the C library's abort and Swift's traps end it as they always do`() throws {
    #expect(try probe("abort").signal == SIGABRT)
    #expect(try probe("trap").signal == SIGILL || probe("trap").signal == SIGTRAP)
  }

  /// 2: dentries and inodes (Documentation/admin-guide/sysctl/vm.rst).
  @Test func `it sees itself in proc however small the kernel's cache becomes`() throws {
    let run = try probe("cache-trimmed") {
      try Data("2".utf8).write(to: URL(fileURLWithPath: "/proc/sys/vm/drop_caches"))
    }
    #expect(run["tasks"] == "1" && run["peak"] == "true", "\(run.output)")
  }

  @Test func `a process that began without privilege is confined but keeps its bounding set`() throws {
    let run = try probe("start-as-nobody")
    let task = try #require(run["task"]).split(separator: " ")
    #expect(task[0...2] == ["0", "0", "0"] && task[3] != "0" && task[4] == "0")
    #expect(try #require(run["report"]).contains("no capabilities, bounding all"))
  }
}

@Suite struct `The drop is refused` {
  @Test func `while a second thread lives`() throws {
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
  func `when a step did not take effect`(scenario: String, sentence: String) throws {
    let run = try probe(scenario)
    #expect(try #require(run["fault"]).contains(sentence))
    #expect(run["report"] == nil)
  }

  @Test func `when a directory of the policy is missing`() throws {
    let run = try probe("missing-path")
    #expect(
      run["fault"]
        == "cannot add a Landlock rule for /no/such/directory: No such file or directory (ENOENT)")
  }
}
