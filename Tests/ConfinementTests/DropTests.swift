// The drop as a whole: what it leaves, and that it refuses to be half done.
import Testing

private let nothing = "0 0 0 0 0 nnp true seccomp filter"

@Suite struct `After the drop` {
  @Test func `every set of the process is empty and the report says so`() throws {
    let run = try probe("drop")
    #expect(run.all("task") == [nothing])
    let report = try #require(run["report"])
    #expect(
      report == "uid 0 gid 0, no capabilities, bounding none, no_new_privs, system calls enforced, "
        + "Landlock not asked for; refused: socket(AF_PACKET, SOCK_RAW) EPERM, chroot(\"/\") EPERM, "
        + "socket(AF_UNIX) EPERM")
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
  }

  @Test func `Swift concurrency, Dispatch and timers go on`() throws {
    let run = try probe("runtime")
    #expect(run["sum"] == "640000")
    #expect(run["many-threads"] == "true" && run["all-confined"] == "true")
    #expect(run["end"] == "runtime", "\(run.output)")
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
        == "cannot allow /no/such/directory by Landlock: No such file or directory (ENOENT)")
  }
}
