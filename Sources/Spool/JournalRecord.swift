// The journal: one record for each reported (address, port) pair, whatever fields the results have.
import Kernel
import Wire

/// A reported reply in eight bytes: address (4), port (2), kind (1), zero (1), in network byte order.
public struct JournalRecord: Hashable, Sendable {
  public static let size = 8

  public var address: IPv4Address
  public var port: Port
  public var kind: Reply.Kind

  public init(_ reply: Reply) {
    (address, port, kind) = (reply.source, reply.sourcePort, reply.kind)
  }

  /// Returns nil unless the bytes are a valid record.
  public init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.size, bytes.last == 0,
      let kind = Reply.Kind(rawValue: bytes[bytes.startIndex + 6])
    else { return nil }
    let number = bytes.prefix(6).reduce(0) { $0 << 8 | UInt64($1) }
    address = IPv4Address(UInt32(truncatingIfNeeded: number >> 16))
    port = Port(UInt16(truncatingIfNeeded: number))
    self.kind = kind
  }

  /// Appends the encoded record to `bytes`.
  public func append(to bytes: inout [UInt8]) {
    let number = UInt64(address.value) << 32 | UInt64(port.value) << 16 | UInt64(kind.rawValue) << 8
    bytes.append(bigEndian: number)
  }

  /// A reply that the dedupe table treats like the original.
  public var reply: Reply {
    Reply(
      kind: kind, time: 0, source: address, sourcePort: port, destination: IPv4Address(0),
      destinationPort: Port(0), identification: 0, timeToLive: 0)
  }
}

extension RecordFile {
  /// Calls `body` with each record of a journal, in order.
  ///
  /// Throws a `Fault` for an invalid record: skipping it would report its reply a second time.
  public func readJournal(_ body: (JournalRecord) -> Void) throws(Fault) {
    var damaged: UInt64?
    var offset: UInt64 = 0
    try read(recordSize: JournalRecord.size) { piece in
      for start in stride(from: piece.startIndex, to: piece.endIndex, by: JournalRecord.size) {
        let end = min(start + JournalRecord.size, piece.endIndex)
        if let record = JournalRecord(piece[start..<end]) {
          body(record)
        } else {
          damaged = damaged ?? offset
        }
        offset += UInt64(end - start)
      }
    }
    guard let damaged else { return }
    throw Fault(
      "\(path) has an invalid record at byte \(damaged)",
      detail: "expected \(JournalRecord.size) bytes: address, port, kind (1-3), zero",
      remedy: "Remove the job's checkpoints to start it over")
  }
}
