import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `An IPv4 address in text` {
  @Test(
    arguments: [
      ("0.0.0.0", 0), ("255.255.255.255", .max), ("198.18.0.1", 0xc612_0001),
      ("1.20.30.4", 0x0114_1e04),
    ] as [(String, UInt32)])
  func `is formatted as it was parsed`(text: String, value: UInt32) {
    #expect(IPv4Address(text)?.value == value)
    #expect(IPv4Address(value).description == text)
  }

  @Test(arguments: [
    "", ".", "...", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", " 1.2.3.4",
    "1.2.3.4 ", "1. 2.3.4", "1.2.3.4\n", "01.2.3.4", "1.2.3.00", "1.2.3.010", "256.1.1.1", "1.1.1.256",
    "1.1.1.999999999999999999999", "+1.2.3.4", "-1.2.3.4", "1.2.3.-0", "0x1.2.3.4", "1.2.3.a",
    "１.2.3.4", "1.2.3.4\u{0301}", "1,2,3,4", "1.2.3.4/32", "\u{0}1.2.3.4",
  ])
  func `is rejected if it is anything else`(text: String) {
    #expect(IPv4Address(text) == nil)
  }

  @Test func `is unchanged after conversion to bytes and to network order`() {
    let address = IPv4Address(198, 18, 7, 8)
    #expect(address.bytes == [198, 18, 7, 8])
    #expect(IPv4Address(bytes: address.bytes) == address)
    #expect(IPv4Address(bytes: [1, 2, 3]) == nil)
    #expect(IPv4Address(bigEndian: address.bigEndian) == address)
    #expect(IPv4Address(9, 255, 255, 255) < IPv4Address(10, 0, 0, 0))
  }
}

@Suite(.timeLimit(.minutes(5))) struct `An Ethernet address in text` {
  @Test func `is parsed in either case and formatted in lower case`() {
    #expect(MACAddress("02:aB:Cd:00:0f:FF")?.description == "02:ab:cd:00:0f:ff")
    #expect(MACAddress("00:00:00:00:00:00") == .zero)
    #expect(MACAddress("ff:ff:ff:ff:ff:ff") == .broadcast)
  }

  @Test(arguments: [
    "", ":::::", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02-00-00-00-00-01",
    "020000000001", "02:00:00:00:00:0g", "02:00:00:00:00:+1", "02:00:00:00:00:-0", "-0:00:00:00:00:00",
    " 2:00:00:00:00:01", "02:00:00:00:00:1 ", "02:00:00:00:00:001", "02:00:00:00:00:é",
  ])
  func `is rejected if it is anything else`(text: String) {
    #expect(MACAddress(text) == nil)
  }

  @Test func `is a group address by its first byte`() {
    #expect(MACAddress.broadcast.isGroup && MACAddress("01:00:5e:00:00:01")!.isGroup)
    #expect(!MACAddress("02:00:00:00:00:01")!.isGroup)
    #expect(MACAddress(bytes: [1, 2, 3, 4, 5]) == nil)
    #expect(MACAddress(bytes: [1, 2, 3, 4, 5, 6])?.value == 0x0102_0304_0506)
  }
}
