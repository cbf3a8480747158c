// Recorded bytes of both sides. Lines are Python literals, `C:` the client's, `S:` the server's, `#` a comment.
import Foundation

@testable import NATSWire

struct TranscriptError: Error { let description: String }

struct Transcript {
  /// What the client published.
  struct Request {
    let bytes: [UInt8]
    let subject: Subject
    let reply: Subject?
    let headers: HeaderBlock?
    let body: [UInt8]
  }

  /// Everything that the server sent.
  private(set) var server: [UInt8] = []
  private(set) var serverLines = 0
  private(set) var clientLines: [[UInt8]] = []
  private(set) var requests: [Request] = []

  init(_ version: String) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "Transcripts/nats-server-\(version).txt")
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
      guard let literal = line.dropFirst(3).first.map({ _ in line.dropFirst(3) }) else { continue }
      if line.hasPrefix("S: ") {
        // The end of the connection.
        guard literal != "'<closed>'" else { continue }
        server += try Self.bytes(literal)
        serverLines += 1
      } else if line.hasPrefix("C: ") {
        let bytes = try Self.bytes(literal)
        clientLines.append(bytes)
        if let request = try Self.request(bytes) { requests.append(request) }
      }
    }
  }

  /// The bytes of a literal such as `'a\r\n\x00'`.
  private static func bytes(_ literal: Substring) throws -> [UInt8] {
    var rest = literal.trimmingCharacters(in: .whitespaces).utf8.dropFirst().dropLast()
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst().map({ Character(UnicodeScalar($0)) }) {
      case "r": bytes.append(0x0d)
      case "n": bytes.append(0x0a)
      case "t": bytes.append(0x09)
      case "x":
        guard let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else {
          throw TranscriptError(description: "\\x in \(literal)")
        }
        bytes.append(value)
        rest = rest.dropFirst(2)
      case let other?: bytes += Array(String(other).utf8)
      case nil: throw TranscriptError(description: "the end of \(literal)")
      }
    }
    return bytes
  }

  /// Reads PUB or HPUB; nil for others.
  private static func request(_ bytes: [UInt8]) throws -> Request? {
    guard let end = bytes.firstIndex(of: 0x0d) else { return nil }
    let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
    guard words.first == "PUB" || words.first == "HPUB" else { return nil }
    let hasHeaders = words[0] == "HPUB"
    let numbers = words.suffix(hasHeaders ? 2 : 1).compactMap { Int($0) }
    guard let total = numbers.last, let subject = Subject(String(words[1])) else {
      throw TranscriptError(description: "a PUB of \(words)")
    }
    let start = end + 2
    // One was refused by its length, and its body left out.
    guard bytes.count > start + total else { return nil }
    let head = hasHeaders ? numbers[0] : 0
    let reply = words.count == 3 + numbers.count ? Subject(String(words[2])) : nil
    let headers = hasHeaders ? try HeaderBlock(parsing: bytes[start..<start + head]) : nil
    return Request(
      bytes: bytes, subject: subject, reply: reply, headers: headers,
      body: Array(bytes[start + head..<start + total]))
  }
}
