// The message when the kernel does not load a BPF program.

import Testing

@testable import Kernel

@Suite(.timeLimit(.minutes(5))) struct `A BPF object that cannot be loaded` {
  @Test(arguments: [("EVENTS", 0), ("STATS", 0), ("SIPHASH_KEY", 0)] as [(String, UInt32)])
  func `is reported in one line that names the map and the kernel's reason`(
    map: String, size: UInt32
  ) throws {
    try requireRoot()
    let fault = try #require(throws: Fault.self) {
      let object = try BPFObject(.receive)
      try object.setMaxEntries(map, size)
      try object.load()
    }
    #expect(fault.description.hasPrefix("cannot load the BPF program receive: "))
    #expect(fault.description.contains(map))
    #expect(fault.cause?.symbol == "EINVAL")
    #expect(fault.description.hasSuffix("libbpf: failed to load object 'receive'"))
    #expect(!fault.description.contains("\n"))
  }

  @Test func `is reported with the end of the verifier's log, without libbpf's lines around it`() throws
  {
    // From libbpf 1.1.2 on Linux 6.18, for a program that reads a packet without checking its length.
    let log = """
      libbpf: prog 'bad': BPF program load failed: Permission denied
      libbpf: prog 'bad': -- BEGIN PROG LOAD LOG --
      0: R1=ctx() R10=fp0
      0: (61) r1 = *(u32 *)(r1 +0)          ; R1=pkt(r=0)
      1: (71) r0 = *(u8 *)(r1 +13)
      invalid access to packet, off=13 size=1, R1(id=0,off=13,r=0)
      R1 offset is outside of the packet
      processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
      -- END PROG LOAD LOG --
      libbpf: prog 'bad': failed to load: -13
      libbpf: failed to load object 'bad.o'
      """
    #expect(
      BPFObject.summary(ofLog: log) == """
        1: (71) r0 = *(u8 *)(r1 +13) | \
        invalid access to packet, off=13 size=1, R1(id=0,off=13,r=0) | \
        R1 offset is outside of the packet
        """)
    #expect(BPFObject.summary(ofLog: "") == nil)
  }

  @Test func `has no maps and programs except its own`() throws {
    let object = try BPFObject(.receive)
    #expect(throws: Fault.self) { try object.setMaxEntries("NOTHING", 1) }
    #expect(throws: Fault.self) { try object.setReadOnlyData([UInt8](repeating: 0, count: 4096)) }
    #expect(throws: Fault.self) { _ = try object.program("nothing") }
  }
}
