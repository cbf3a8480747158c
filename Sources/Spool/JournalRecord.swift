// The answers journal: which pairs have been reported, whatever fields the results show.
import Kernel
import Wire

/// One reported answer, eight bytes: address, port, kind, and a zero; numbers in network order.
public struct JournalRecord: Hashable, Sendable {
  public static let size = 8

  public var address: IPv4Address
  public var port: Port
  public var kind: Reply.Kind

  public init(_ reply: Reply) {
    (address, port, kind) = (reply.source, reply.sourcePort, reply.kind)
  }

  /// nil when it is none.
  public init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.size, bytes.last == 0,
      let kind = Reply.Kind(rawValue: bytes[bytes.startIndex + 6])
    else { return nil }
    let number = bytes.prefix(6).reduce(0) { $0 << 8 | UInt64($1) }
    address = IPv4Address(UInt32(truncatingIfNeeded: number >> 16))
    port = Port(UInt16(truncatingIfNeeded: number))
    self.kind = kind
  }

  public func append(to bytes: inout [UInt8]) {
    let number = UInt64(address.value) << 32 | UInt64(port.value) << 16 | UInt64(kind.rawValue) << 8
    bytes.append(bigEndian: number)
  }

  /// As far as dedupe is concerned, the reply that it was made of.
  public var reply: Reply {
    Reply(
      kind: kind, time: 0, source: address, sourcePort: port, destination: IPv4Address(0),
      destinationPort: Port(0), identification: 0, timeToLive: 0)
  }
}

extension RecordFile {
  /// Hands all records of an answers journal to `body`.
  ///
  /// Throws a `Fault` for one that is none: to leave it out would be to report its answer twice.
  public func answers(_ body: (JournalRecord) -> Void) throws(Fault) {
    var damaged: UInt64?
    var place: UInt64 = 0
    try read(recordSize: JournalRecord.size) { piece in
      for start in stride(from: piece.startIndex, to: piece.endIndex, by: JournalRecord.size) {
        let end = min(start + JournalRecord.size, piece.endIndex)
        if let record = JournalRecord(piece[start..<end]) {
          body(record)
        } else {
          damaged = damaged ?? place
        }
        place += UInt64(end - start)
      }
    }
    guard let damaged else { return }
    throw Fault(
      "\(path) holds what is no answer, at byte \(damaged)",
      detail: "expected \(JournalRecord.size) bytes: address, port, kind 1 to 3, a zero",
      remedy: "Remove the job's checkpoint, and it begins again from its start")
  }
}
