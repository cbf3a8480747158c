import TestSupport
import Testing

@testable import Kernel

@Suite(.timeLimit(.minutes(5))) struct `Netlink attributes` {
  @Test func `are parsed as they were built`() throws {
    var message = NetlinkMessage(type: 16, header: [1, 2, 3])
    message.put(1, UInt8(7))
    message.put(2, UInt32(0xdead_beef))
    message.put(3, string: "synbox")
    message.put(flag: 4)
    message.nest(5) { inner in
      inner.put(1, UInt16(9))
      inner.nest(2) { $0.put(1, bytes: [1, 2, 3, 4, 5]) }
    }
    #expect(message.payload.prefix(4) == [1, 2, 3, 0], "the header is padded to 4 bytes")
    #expect(message.payload.count % 4 == 0)

    let all = try NetlinkAttributes(message.payload.dropFirst(4))
    #expect(try all.number(1, UInt8.self) == 7)
    #expect(try all.number(2, UInt32.self) == 0xdead_beef)
    #expect(all[3]?.string == "synbox")
    #expect(all[4]?.value.isEmpty == true)
    let nested = try #require(all[5]).nested()
    #expect(try nested.number(1, UInt16.self) == 9)
    #expect(try nested[2]?.nested()[1].map { Array($0.value) } == [1, 2, 3, 4, 5])
    #expect(all[6] == nil)
    #expect(try all.number(6, UInt32.self) == nil)
  }

  /// Attributes in little-endian byte order: length, type, value.
  @Test(
    arguments: [
      ("a length of zero, which would never end", [0, 0, 1, 0]),
      ("a length below the header's", [3, 0, 1, 0]),
      ("a length past the end", [9, 0, 1, 0, 1, 2, 3, 4]),
      ("half a header", [4, 0, 1]),
      ("one byte", [4]),
      ("an attribute and a trailing byte", [8, 0, 1, 0, 1, 2, 3, 4, 8]),
      ("the longest length", [255, 255, 1, 0, 0, 0, 0, 0]),
    ] as [(String, [UInt8])])
  func `are refused with`(what: String, bytes: [UInt8]) {
    #expect(throws: NetlinkError.self, "\(what)") { try NetlinkAttributes(bytes[...]) }
  }

  @Test func `may end without padding`() throws {
    #expect(try NetlinkAttributes([5, 0, 1, 0, 9])[1].map { Array($0.value) } == [9])
  }

  @Test func `are numbers only of their own width`() throws {
    let all = try NetlinkAttributes([6, 0, 1, 0, 9, 9, 0, 0])
    #expect(throws: NetlinkError.self) { try all.number(1, UInt32.self) }
    #expect(throws: NetlinkError.self) { try all.number(1, UInt8.self) }
    #expect(try all.number(1, UInt16.self) == 0x0909)
  }

  @Test func `that contain garbage are refused when they are parsed as nested`() throws {
    let all = try NetlinkAttributes([8, 0, 1, 0x80, 0, 0, 0, 0])
    #expect(throws: NetlinkError.self) { try all[1]?.nested() }
  }

  @Test func `never trap or hang, whatever the bytes`() {
    let seed = Seed.next()
    var random = SeededGenerator(seed)
    for round in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...96, using: &random)).map { _ in
        // Small numbers make plausible lengths and types.
        UInt8.random(in: 0...(Bool.random(using: &random) ? 12 : 255), using: &random)
      }
      var exchange = NetlinkExchange(sequence: 1, port: 2)
      if bytes.count >= 16, Bool.random(using: &random) {
        // A valid header before the garbage, so that it is parsed.
        bytes.replaceSubrange(
          0..<16,
          with: [
            UInt8(bytes.count), 0, 0, 0, UInt8.random(in: 0...4, using: &random), 0,
            UInt8.random(in: 0...255, using: &random), UInt8.random(in: 0...3, using: &random), 1, 0,
            0, 0, 2, 0, 0, 0,
          ])
      }
      var opened = 0
      _ = try? exchange.parse(bytes)
      for reply in exchange.replies {
        opened += (try? NetlinkAttributes(reply, after: 4)).map(count) ?? 0
      }
      opened += (try? NetlinkAttributes(bytes[...])).map(count) ?? 0
      #expect(opened <= 400, "seed \(seed), round \(round)")
    }
  }

  /// Counts the attributes, including nested ones. Each level takes 4 bytes, so this ends.
  private func count(_ attributes: NetlinkAttributes) -> Int {
    attributes.reduce(0) { $0 + 1 + ((try? $1.nested()).map(count) ?? 0) }
  }
}
