// Capability sets: their names, both 32-bit words, and what the kernel reports.
import Testing

@testable import Kernel

@Suite(.timeLimit(.minutes(5))) struct `A capability set` {
  @Test func `names every capability as libcap does`() {
    #expect(CapabilitySet.named.count == 41)
    for (bit, entry) in CapabilitySet.named.enumerated() {
      #expect(entry.capability.rawValue == 1 << UInt64(bit))
      #expect(CapabilitySet.libcapName(ofBit: Int32(bit)) == entry.name.lowercased())
    }
  }

  @Test func `prints names, and the number of a bit without a name`() {
    #expect(CapabilitySet([]).description == "none")
    #expect(CapabilitySet([.CAP_BPF, .CAP_NET_RAW]).description == "CAP_NET_RAW+CAP_BPF")
    #expect(CapabilitySet(rawValue: 1 << 50).description == "capability 50")
    #expect(CapabilitySet.allNamed.description == "all")
    let most = CapabilitySet.allNamed.subtracting(.CAP_SYS_RESOURCE)
    #expect(most.description == "all but CAP_SYS_RESOURCE")
  }

  @Test func `keeps CAP_BPF and CAP_PERFMON, which are in the second word`() throws {
    let run = try probe("keep-bpf")
    #expect(run["permitted"] == "CAP_PERFMON+CAP_BPF")
    #expect(run["effective"] == "CAP_BPF")
    #expect(run["inheritable"] == "none")
    let status = try #require(run["task"]).split(separator: " ")
    #expect(status[1] == "c000000000" && status[2] == "8000000000", "\(status)")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Dropping all capabilities` {
  @Test func `empties the bounding set, and needs CAP_SETPCAP to do so`() throws {
    let run = try probe("drop-all-twice")
    #expect(run["bounding"] == "none")
    #expect(try #require(run["fault"]).contains("CAP_SETPCAP is not permitted"))
  }

  @Test func `leaves uid 0 nothing to gain from an execve`() throws {
    let status = try TaskStatus(task: 0, parsing: try probe("root-exec").output)
    #expect(status.permitted.isEmpty && status.effective.isEmpty && status.bounding.isEmpty)
    #expect(!status.noNewPrivileges, "this must hold without no_new_privs too")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The status of a thread` {
  static let lines = [
    "Name:\tsynbox", "Uid:\t0\t1\t2\t60900", "Gid:\t7\t7\t7\t7", "Groups:\t4 5 ",
    "CapInh:\t0000000000000000", "CapPrm:\t0000008000000000",
    "CapEff:\t0000000000002000", "CapBnd:\t000001ffffffffff", "CapAmb:\t0000000000000000",
    "NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t2",
  ]

  @Test func `is read line by line`() throws {
    let status = try TaskStatus(task: 7, parsing: Self.lines.joined(separator: "\n") + "\n")
    #expect(status.task == 7)
    #expect(status.permitted == .CAP_BPF && status.effective == .CAP_NET_RAW)
    #expect(status.bounding == .allNamed)
    #expect(status.inheritable.isEmpty && status.ambient.isEmpty)
    #expect(status.noNewPrivileges && status.seccomp == .filter)
    #expect(status.users == [0, 1, 2, 60900] && status.groups == [7, 7, 7, 7])
    #expect(status.supplementaryGroups == [4, 5])
  }

  @Test(
    arguments: [
      ("CapEff", nil), ("CapEff", "0"), ("CapEff", "000000000000200g"), ("CapEff", " 00000000000020"),
      ("CapEff", "+000000000000000"), ("CapBnd", "00000000000000000"), ("NoNewPrivs", "2"),
      ("NoNewPrivs", nil), ("Seccomp", "3"), ("Seccomp", "02"), ("Seccomp", "-1"), ("Seccomp", ""),
      ("Uid", "0\t0\t0"),
      ("Uid", "0\t0\t0\t-1"), ("Gid", "x\t0\t0\t0"), ("Groups", "4 4294967296"), ("Groups", nil),
    ] as [(String, String?)])
  func `is rejected if a line is missing or malformed`(key: String, value: String?) {
    var lines = Self.lines.filter { !$0.hasPrefix("\(key):") }
    if let value { lines.append("\(key):\t\(value)") }
    #expect(throws: Fault.self) {
      try TaskStatus(task: 1, parsing: lines.joined(separator: "\n"))
    }
  }

  @Test func `is rejected if a line occurs twice`() {
    let text = (Self.lines + ["CapEff:\t0000000000000000"]).joined(separator: "\n")
    #expect(throws: Fault.self) { try TaskStatus(task: 1, parsing: text) }
  }

  @Test func `exists for every thread of this process`() throws {
    let statuses = try TaskStatus.all()
    #expect(statuses.contains { $0.task == processID() })
  }
}
