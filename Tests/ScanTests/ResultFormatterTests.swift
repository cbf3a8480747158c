import Foundation
import Plan
import Scan
import Testing
import Wire

/// A SYN-ACK with every option a field can show.
private let synAck: Reply = {
  var reply = reply()
  reply.sequenceNumber = 4_000_000_000
  reply.acknowledgmentNumber = 1
  reply.window = 64_240
  let options: [UInt8] = [
    2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 1, 3, 3, 7,
  ]
  for (index, byte) in options.enumerated() { reply.options[index] = byte }
  reply.optionsLength = UInt8(options.count)
  return reply
}()

private let unreachable: Reply = {
  var reply = reply(.icmp)
  reply.icmpType = 3
  reply.icmpCode = 13
  reply.icmpResponder = IPv4Address(198, 18, 255, 254)
  return reply
}()

/// 2026-11-22 16:20:00.123456789 UTC.
private let moment: UInt64 = 1_795_364_400_123_456_789

private func line(
  _ format: OutputFormat, _ fields: [ResultField], _ reply: Reply, isRepeat: Bool = false,
  inCooldown: Bool = false
) -> String {
  var bytes: [UInt8] = []
  ResultFormatter(format: format, fields: fields).append(
    ScanResult(reply: reply, isRepeat: isRepeat, inCooldown: inCooldown, time: moment), to: &bytes)
  return String(decoding: bytes, as: UTF8.self)
}

/// Each field of `synAck` and of `unreachable` in CSV.
private let expected: [(field: ResultField, synAck: String, unreachable: String)] = [
  (.saddr, "198.18.0.9", "198.18.0.9"), (.daddr, "198.19.0.1", "198.19.0.1"),
  // The bytes c6 12 00 09 as a little-endian number.
  (.saddrRaw, "150999750", "150999750"), (.daddrRaw, "16782278", "16782278"),
  (.ipid, "4660", "4660"), (.ttl, "57", "57"), (.sport, "443", "443"),
  (.dport, "40000", "40000"), (.seqnum, "4000000000", ""), (.acknum, "1", ""),
  (.window, "64240", ""), (.tcpoptMSS, "1460", ""), (.tcpoptWscale, "128", ""),
  (.tcpoptSackPerm, "1", ""), (.tcpoptTsVal, "256", ""), (.tcpoptTsEcr, "4294967295", ""),
  (.classification, "synack", "icmp"), (.success, "1", "0"), (.isRepeat, "0", "0"),
  (.cooldown, "0", "0"), (.timestampStr, "2026-11-22T16:20:00.123Z", "2026-11-22T16:20:00.123Z"),
  (.timestampTs, "1795364400", "1795364400"), (.timestampUs, "123456", "123456"),
  (.icmpType, "", "3"), (.icmpCode, "", "13"), (.icmpResponder, "", "198.18.255.254"),
  (.icmpUnreachStr, "", "communication admin. prohibited"),
]

@Suite(.timeLimit(.minutes(5))) struct `A result in CSV` {
  @Test func `has a header with the names of the fields in their order`() {
    let formatter = ResultFormatter(format: .csv, fields: [.sport, .saddr, .isRepeat])
    #expect(formatter.header == Array("sport,saddr,repeat\n".utf8))
  }

  @Test(arguments: expected.indices)
  func `has each field as ZMap formats it, empty if it does not apply`(index: Int) {
    let (field, open, icmp) = expected[index]
    #expect(line(.csv, [field], synAck) == open + "\n", "\(field)")
    #expect(line(.csv, [field], unreachable) == icmp + "\n", "\(field)")
  }

  @Test func `can have every field`() {
    #expect(Set(expected.map(\.field)) == Set(ResultField.allCases))
    #expect(
      line(.csv, expected.map(\.field), synAck)
        == expected.map(\.synAck).joined(separator: ",") + "\n")
  }

  @Test func `has empty fields for TCP options that the SYN-ACK does not have`() {
    let fields: [ResultField] = [.tcpoptMSS, .tcpoptWscale, .tcpoptSackPerm, .tcpoptTsVal]
    #expect(line(.csv, fields, reply()) == ",,,\n")
  }

  @Test func `is rst for a closed port, and marks repeats and the cooldown`() {
    let fields: [ResultField] = [.classification, .success, .isRepeat, .cooldown]
    #expect(line(.csv, fields, reply(.closed), isRepeat: true, inCooldown: true) == "rst,0,1,1\n")
  }

  @Test(
    arguments: [(0, "1"), (8, "256"), (14, "16384"), (15, "16384"), (255, "16384")] as [(UInt8, String)]
  )
  func `has the window scale as a factor of at most 2^14`(shift: UInt8, text: String) {
    var reply = reply()
    for (index, byte) in [3, 3, shift, 0].enumerated() { reply.options[index] = byte }
    reply.optionsLength = 4
    #expect(line(.csv, [.tcpoptWscale], reply) == text + "\n")
  }

  @Test
  func `names every code of destination unreachable without quotes, and those of no other type`() {
    var names: Set<String> = []
    for code in UInt8(0)...255 {
      var reply = unreachable
      reply.icmpCode = code
      let text = line(.csv, [.icmpUnreachStr], reply)
      #expect(!text.dropLast().contains { $0 == "," || $0 == "\"" || $0.isNewline } && text.count > 1)
      names.insert(text)
    }
    #expect(names.count == 17 && names.contains("unknown\n") && names.contains("port unreachable\n"))
    for type in [4, 11, 12] as [UInt8] {
      var reply = unreachable
      reply.icmpType = type
      #expect(line(.csv, [.icmpUnreachStr], reply) == "\n", "type \(type)")
    }
  }

  @Test(arguments: [
    "0.0.0.0", "0.0.0.9", "1.10.100.255", "255.255.255.255", "198.18.0.10", "99.9.199.90",
  ])
  func `has addresses in dotted decimal`(text: String) throws {
    let reply = reply(from: try #require(IPv4Address(text)))
    #expect(line(.csv, [.saddr], reply) == text + "\n")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A result in JSON` {
  @Test func `has no header`() {
    #expect(ResultFormatter(format: .json, fields: ResultField.standard).header == [])
  }

  @Test func `is one object per line with numbers as numbers and absent values as null`() throws {
    for (reply, text) in [(synAck, expected.map(\.synAck)), (unreachable, expected.map(\.unreachable))]
    {
      let line = line(.json, ResultField.allCases, reply)
      #expect(line.hasSuffix("}\n") && line.count { $0 == "\n" } == 1)
      let members = try object(Array(line.utf8))
      #expect(members.count == ResultField.allCases.count)
      for (field, text) in zip(expected.map(\.field), text) {
        let value = try #require(members[field.rawValue], "\(field)")
        if text.isEmpty { #expect(value is NSNull, "\(field)") }
        if let number = value as? NSNumber { #expect(number.stringValue == text) }
        if let string = value as? String { #expect(string == text && UInt64(text) == nil) }
      }
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A timestamp` {
  /// The same second, formatted by Foundation.
  private func foundation(_ seconds: UInt64) -> String {
    Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: false))
  }

  private func formatted(_ nanoseconds: UInt64) -> String {
    var bytes: [UInt8] = []
    bytes.append(timestamp: nanoseconds)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `agrees with Foundation's on every day from 1970 to 2110`() {
    for day in 0..<UInt64(51_134) {
      let second = day * 86_400 + day * 7_919 % 86_400
      let text = formatted(second * 1_000_000_000)
      #expect(text == foundation(second).dropLast() + ".000Z")
    }
  }

  @Test(
    arguments: [
      (951_782_399, "2000-02-28T23:59:59.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
      (951_868_800, "2000-03-01T00:00:00.000Z"), (4_107_542_399, "2100-02-28T23:59:59.000Z"),
      (4_107_542_400, "2100-03-01T00:00:00.000Z"), (1_709_251_199, "2024-02-29T23:59:59.000Z"),
      (18_446_744_073, "2554-07-21T23:34:33.000Z"), (0, "1970-01-01T00:00:00.000Z"),
    ] as [(UInt64, String)])
  func `is correct at leap days, centuries and the limits of its range`(second: UInt64, text: String) {
    #expect(formatted(second * 1_000_000_000) == text)
    #expect(foundation(second).dropLast() + ".000Z" == text)
  }

  @Test func `is truncated to milliseconds`() {
    #expect(formatted(999_999_999) == "1970-01-01T00:00:00.999Z")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A list of fields` {
  @Test func `keeps its order, and may have blanks after commas`() throws {
    #expect(try ResultField.parse(list: "sport, saddr,tcpopt_mss") == [.sport, .saddr, .tcpoptMSS])
  }

  @Test(arguments: ["", "saddr,", "saddr,,sport", "Saddr", "saddr;sport", "tcpoptMSS", "isRepeat"])
  func `with an unknown name is rejected with a list of all names`(list: String) throws {
    let error = try #require(throws: ValueError.self) { try ResultField.parse(list: list) }
    for field in ResultField.allCases {
      #expect(error.description.contains(field.rawValue), "\(field)")
    }
    // The offset is that of the unknown name.
    let names = list.utf8.dropFirst(error.offset).prefix { $0 != UInt8(ascii: ",") }
    #expect(error.found == "the field \"\(String(decoding: names, as: UTF8.self))\"")
  }

  @Test func `with a hostile name is rejected without printing control characters`() throws {
    let error = try #require(throws: ValueError.self) {
      try ResultField.parse(list: "saddr,\u{1b}[2J\u{202e}\"")
    }
    #expect(error.found == #"the field "\x1b[2J\u{202e}\"""#)
  }

  @Test(arguments: ["saddr,saddr", "sport,saddr,sport", "saddr,ttl, saddr"])
  func `that repeats a field is rejected by the name of the field`(list: String) throws {
    let error = try #require(throws: ValueError.self) { try ResultField.parse(list: list) }
    let name = try #require(list.split(separator: ",").first)
    #expect(error.description == "found the field \"\(name)\" twice, expected each field once")
  }

  @Test(arguments: ResultField.allCases)
  func `accepts every field`(field: ResultField) throws {
    #expect(try ResultField.parse(list: field.rawValue) == [field])
  }
}
