// What a NATS server sends.
import NATSWire

extension FuzzTarget {
  /// Frames come out the same in whatever pieces the stream comes; a message that is written again reads the same; a connection
  /// gives every request one outcome and does nothing after its end.
  static let natsFrames = FuzzTarget("nats-frames", maximumLength: 2048) { bytes in
    let whole = frames(bytes, piece: bytes.count)
    let single = frames(bytes, piece: 1)
    try require(whole == single, "whole \(whole), in pieces \(single)")
    for case .message(let message) in whole.frames {
      let again = frames(written(message), piece: .max)
      try require(
        again.frames == [.message(message)] && again.error == nil, "\(message) reads \(again)")
    }
    try requireOutcomes(bytes)
  }

  private struct Reading: Equatable {
    var frames: [ServerFrame] = []
    var error: FrameError?
  }

  private static func frames(_ bytes: [UInt8], piece: Int) -> Reading {
    var reader = FrameReader(longestMessage: 1024)
    var reading = Reading()
    var rest = bytes[...]
    do throws(FrameError) {
      while !rest.isEmpty {
        reader.append(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        while let frame = try reader.next() { reading.frames.append(frame) }
      }
    } catch {
      reading.error = error
    }
    return reading
  }

  private static func written(_ message: Message) -> [UInt8] {
    var head: [UInt8]?
    if let headers = message.headers {
      let status = headers.status.map { " \($0)\(headers.reason.isEmpty ? "" : " " + headers.reason)" }
      head = Array("NATS/1.0\(status ?? "")".utf8) + headers.bytes.dropFirst("NATS/1.0".utf8.count)
    }
    let names = [message.subject, "\(message.subscription)"] + (message.reply.map { [$0] } ?? [])
    let count = head?.count ?? 0
    let lengths = (head == nil ? [] : ["\(count)"]) + ["\(count + message.body.count)"]
    let line = ([head == nil ? "MSG" : "HMSG"] + names + lengths).joined(separator: " ")
    return Array(line.utf8) + [13, 10] + (head ?? []) + message.body + [13, 10]
  }

  private static func requireOutcomes(_ bytes: [UInt8]) throws(FuzzFailure) {
    var connection = Connection(
      Connection.Settings(name: "b", version: "1", requiresTLS: false, inboxToken: "T"), at: 0)
    var open: Set<UInt64> = [1, 2]
    var effects = connection.handle(.received(Array(greeting.utf8)), at: 0)
    if let subject = Subject("f.a") {
      for number in [1, 2] as [UInt64] {
        effects += connection.handle(.request(Connection.Request(subject), number: number), at: 0)
      }
    }
    if let pattern = Subject("q.*") {
      effects += connection.handle(.subscribe(pattern, number: 3), at: 0)
    }
    effects += connection.handle(.received(bytes), at: 0)
    for case .delivered(let number, let message) in effects {
      try require(number == 3, "a message to the subscription \(number)")
      for effect in connection.handle(.answer(to: message.reply ?? "", body: []), at: 0) {
        guard case .send(let sent) = effect else { continue }
        let count = sent.count { $0 == 0x0a }
        try require(count == 2 && sent.starts(with: "PUB ".utf8), "\(sent) answers \(message)")
      }
    }
    let isClosed = connection.isClosed
    let later = connection.handle(.tick, at: 1 << 40) + connection.end("the end")
    try require(!isClosed || later.isEmpty, "\(later) after the end")
    for effect in effects + later {
      switch effect {
      // A refused subscription has an end, too.
      case .failed(3, _): break
      case .answered(let number, _), .failed(let number, _):
        try require(open.remove(number) != nil, "two outcomes of \(number)")
      default: break
      }
    }
    try require(open.isEmpty, "no outcome of \(open)")
  }

  private static let greeting =
    "INFO {\"version\":\"2\",\"headers\":true,\"max_payload\":1000}\r\nPONG\r\n"
}
