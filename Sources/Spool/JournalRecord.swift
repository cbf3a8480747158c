// The journal: one record for each reported (address, port) pair, whatever fields the results have.
import Kernel
import Scan
import Wire

/// A reported reply.
///
/// A record consists of units of eight bytes, in network byte order. The first unit is address (4), port (2), kind (1),
/// zero (1). The high four bits of the kind are the number of units that follow, which tells the address family: none
/// for IPv4; two for IPv6, whose first four bytes are zero and whose address is in the two units. This version writes
/// IPv4 only, and skips other families.
///
/// A journal begins with a header, a record for port 0 of 0.0.0.FORMAT. No such target exists, because 0.0.0.0/8 is
/// never probed, so version 0.1.0, which knows no header, takes it for a reply that changes nothing.
public struct JournalRecord: Hashable, Sendable {
  /// Bytes of an IPv4 record, and of a unit.
  public static let size = 8

  public var address: IPv4Address
  public var port: Port
  public var kind: Reply.Kind

  public init(_ reply: Reply) {
    (address, port, kind) = (reply.source, reply.sourcePort, reply.kind)
  }

  /// Returns nil unless the bytes are a valid IPv4 record.
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

  // MARK: - Headers and other families

  /// The header of a journal of this format.
  static let header: [UInt8] = [0, 0, 0, UInt8(FileFormat.current), 0, 0, Reply.Kind.open.rawValue, 0]

  /// The format that this record states if it is a header; otherwise nil.
  var statedFormat: UInt64? {
    address.value >> 24 == 0 && port.value == 0 && kind == .open ? UInt64(address.value) : nil
  }

  /// Returns how many units follow a first unit of another family; nil if the bytes are no such unit.
  static func furtherUnits(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count == size, bytes.last == 0 else { return nil }
    let count = Int(bytes[bytes.startIndex + 6] >> 4)
    return count > 0 ? count : nil
  }
}

extension RecordFile {
  /// Begins an empty journal with a header.
  func beginJournal() throws(Fault) {
    if mark.length == 0 { try append(JournalRecord.header) }
  }

  /// Returns the format that a journal's header states; nil without a header, as in format 1.
  func journalFormat() throws(Fault) -> UInt64? {
    var first: JournalRecord?
    try read(limit: UInt64(JournalRecord.size)) { first = JournalRecord($0) }
    return first?.statedFormat
  }

  /// Calls `body` with each IPv4 record of a journal, in order. Returns the number of records of other families.
  ///
  /// Throws a `Fault` for an invalid record: skipping it would report its reply a second time.
  @discardableResult
  public func readJournal(_ body: (JournalRecord) -> Void) throws(Fault) -> Int {
    var damaged: UInt64?
    var offset: UInt64 = 0
    var unitsToSkip = 0
    var skipped = 0
    try read(recordSize: JournalRecord.size) { piece in
      for start in stride(from: piece.startIndex, to: piece.endIndex, by: JournalRecord.size) {
        let unit = piece[start..<min(start + JournalRecord.size, piece.endIndex)]
        if unitsToSkip > 0 {
          unitsToSkip -= 1
          if unit.count < JournalRecord.size { damaged = damaged ?? offset }
        } else if let record = JournalRecord(unit) {
          if record.statedFormat == nil { body(record) }
        } else if let count = JournalRecord.furtherUnits(unit) {
          unitsToSkip = count
          skipped += 1
        } else {
          damaged = damaged ?? offset
        }
        offset += UInt64(unit.count)
      }
    }
    if unitsToSkip > 0 { damaged = damaged ?? offset }
    guard let damaged else { return skipped }
    throw Fault(
      "\(path) has an invalid record at byte \(damaged)",
      detail: "expected \(JournalRecord.size) bytes: address, port, kind (1-3), zero",
      remedy: "Remove the job's checkpoints to start it over")
  }
}
