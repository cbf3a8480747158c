// Network namespaces, made for the test and gone with it.
import Kernel
import LabSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A network namespace` {
  private func links() throws(Fault) -> Int {
    do throws(NetlinkError) {
      let message = NetlinkMessage(
        type: RTM_GETLINK, flags: NLM_F_DUMP, header: [UInt8](repeating: 0, count: 16))
      return try NetlinkSocket(.route).request(message).count
    } catch {
      throw error.fault("cannot list the links")
    }
  }

  @Test func `is new when it is made, and the thread stays in its own`() throws {
    let before = try NetworkNamespace.current().identity
    let one = try NetworkNamespace.make()
    let two = try NetworkNamespace.make()
    #expect(Set([before, one.identity, two.identity]).count == 3)
    #expect(try NetworkNamespace.current().identity == before)
  }

  @Test func `is entered for a while, also when that fails`() throws {
    let own = try NetworkNamespace.current().identity
    let other = try NetworkNamespace.make()
    let inside = try other.run { () throws(Fault) in
      ((try? NetworkNamespace.current())?.identity, try links())
    }
    // A new one has `lo` alone.
    #expect(inside.0 == other.identity && inside.1 == 1)
    #expect(throws: Fault.self) {
      try other.run { () throws(Fault) in throw Fault("on purpose") }
    }
    #expect(try NetworkNamespace.current().identity == own)
  }

  @Test func `is that of the processes which are started in it`() throws {
    let other = try NetworkNamespace.make()
    let process = try other.run { () throws(Fault) in
      try ChildProcess.start("/bin/sleep", ["sleep", "1000"], output: 1, inherited: [])
    }
    defer {
      try? send(.kill, to: process)
      while ChildProcess.reap(process) == nil { pause(milliseconds: 5) }
    }
    #expect(NetworkNamespace.identity(ofTask: process, in: process) == other.identity)
    #expect(NetworkNamespace.identity(ofTask: 1, in: process) == nil)
  }
}
