import Testing

@testable import Kernel

@Suite(.timeLimit(.minutes(5))) struct `A netlink socket` {
  @Test func `finds generic families by name`() throws {
    let socket = try NetlinkSocket(.generic)
    #expect(try socket.family(named: "nlctrl") == GENL_ID_CTRL)
    #expect(try socket.family(named: "ethtool") != nil)
    #expect(try socket.family(named: "no-such-family") == nil)
  }

  @Test func `reads whole tables`() throws {
    let socket = try NetlinkSocket(.route)
    let header = [UInt8](repeating: 0, count: 16)
    let links = try socket.request(
      NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP, header: header))
    let names = try links.map { try NetlinkAttributes($0, after: 16)[IFLA_IFNAME]?.string }
    #expect(names.contains("lo"))
  }

  @Test func `reports the kernel's reason for a refusal`() throws {
    let socket = try NetlinkSocket(.generic)
    let ethtool = try #require(try socket.family(named: "ethtool"))
    var message = NetlinkMessage(family: ethtool, command: ETHTOOL_MSG_RINGS_GET)
    message.nest(ETHTOOL_A_RINGS_HEADER) { $0.put(ETHTOOL_A_HEADER_DEV_INDEX, UInt32(0x7fff_ffff)) }
    var refusal: NetlinkError?
    do throws(NetlinkError) { _ = try socket.request(message) } catch { refusal = error }
    #expect(refusal?.errno?.symbol == "ENODEV")
    #expect(refusal?.reason == "no device matches ifindex")
  }

  @Test func `times out, and is not confused by the late reply`() throws {
    let header = [UInt8](repeating: 0, count: 16)
    let message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP, header: header)
    let impatient = try NetlinkSocket(.route, timeout: 0)
    #expect(throws: NetlinkError.noReply(milliseconds: 0)) { try impatient.request(message) }
    #expect(throws: NetlinkError.noReply(milliseconds: 0)) { try impatient.request(message) }
  }

  @Test func `does not collide with another`() throws {
    let one = try NetlinkSocket(.generic)
    let two = try NetlinkSocket(.generic)
    #expect(try one.family(named: "nlctrl") == two.family(named: "nlctrl"))
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A small file` {
  @Test func `is read whole, or rejected if it is too long`() throws {
    #expect(try !SmallFile.read("/proc/self/stat", limit: 65_536).isEmpty)
    #expect(throws: Errno.self) { try SmallFile.read("/proc/self/stat", limit: 3) }
    #expect(throws: Errno.self) { try SmallFile.read("/no/such/file", limit: 3) }
    #expect(try SmallFile.names(in: "/sys/class/net").contains("lo"))
  }
}
