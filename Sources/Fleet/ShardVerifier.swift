// Checking the results of a shard by arithmetic: whose rows they are follows from the plan, not from whoever sends them.
import Plan
import Scan
import Support
import Wire

/// Reads the chunks of a shard's results, and checks each row.
public struct ShardVerifier: Sendable {
  /// One result of a pair.
  private struct Row: Hashable {
    let address: UInt32
    let port: UInt16
    /// 0 if results have no column for it.
    let classification: UInt8
  }

  private static let longestLine = 4096

  private let plan: FleetPlan
  private let manifest: Manifest
  private let header: [UInt8]
  private let columns: Int
  private let addressColumn: Int
  private let portColumn: Int
  private let classificationColumn: Int?
  private var seen: Set<Row> = []
  private var pending: [UInt8] = []
  private var lines: UInt64 = 0
  private var size: UInt64 = 0
  private var whole = SHA256.Hasher()
  private var chunk = 0

  /// - Parameters:
  ///   - plan: of the manifest's scan.
  ///   - manifest: checked already by the collector's machine.
  public init(_ plan: FleetPlan, _ manifest: Manifest) {
    self.plan = plan
    self.manifest = manifest
    let fields = plan.description.fields
    header = ResultFormatter(format: .csv, fields: fields).header
    columns = fields.count
    addressColumn = fields.firstIndex(of: .saddr) ?? 0
    portColumn = fields.firstIndex(of: .sport) ?? 0
    classificationColumn = fields.firstIndex(of: .classification)
    seen.reserveCapacity(Int(min(manifest.rows, 1 << 20)))
  }

  /// Takes the next chunk of the manifest.
  ///
  /// - Throws: at the first thing that is wrong. A chunk with another hash says so; it may be sent again.
  public mutating func add(_ bytes: [UInt8]) throws(FleetError) {
    guard chunk < manifest.chunks.count, manifest.chunks[chunk].size == UInt64(bytes.count),
      manifest.chunks[chunk].digest == Digest(of: bytes)
    else { throw FleetError("chunk \(chunk) is not what the manifest says") }
    chunk += 1
    size += UInt64(bytes.count)
    whole.add(bytes.span)
    var start = 0
    while let end = bytes[start...].firstIndex(of: 10) {
      if pending.isEmpty {
        try take(bytes[start..<end])
      } else {
        pending += bytes[start..<end]
        let line = pending
        pending = []
        try take(line[...])
      }
      start = end + 1
    }
    pending += bytes[start...]
    guard pending.count <= Self.longestLine else { throw error("a line is too long") }
  }

  private func error(_ what: String) -> FleetError { FleetError("results.csv:\(lines + 1): \(what)") }

  private mutating func take(_ line: ArraySlice<UInt8>) throws(FleetError) {
    defer { lines += 1 }
    if lines == 0 {
      guard line == header.dropLast() else {
        throw error(
          "the columns are \(String(decoding: line.prefix(200), as: UTF8.self)), expected \(String(decoding: header.dropLast(), as: UTF8.self))"
        )
      }
      return
    }
    guard lines <= manifest.rows else { throw error("there are more rows than the manifest says") }
    let parts = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard parts.count == columns,
      let address = IPv4Address(String(decoding: parts[addressColumn], as: UTF8.self)),
      let port = UInt16(decimal: String(decoding: parts[portColumn], as: UTF8.self))
    else { throw error("expected \(columns) columns with an address and a port") }
    let target = Target(address, Port(port))
    guard let shard = plan.shard(of: target) else {
      throw error("\(address):\(port) is no target of the scan")
    }
    guard shard == manifest.shard.number else {
      throw error("\(address):\(port) belongs to shard \(shard)")
    }
    let row = Row(
      address: address.value, port: port, classification: try classification(parts))
    guard seen.insert(row).inserted else { throw error("\(address):\(port) is there twice") }
  }

  private func classification(_ parts: [ArraySlice<UInt8>]) throws(FleetError) -> UInt8 {
    guard let column = classificationColumn else { return 0 }
    switch String(decoding: parts[column], as: UTF8.self) {
    case "synack": return 1
    case "rst": return 2
    case "icmp": return 3
    default: throw error("unknown classification")
    }
  }

  /// Throws unless all chunks came and their sums are those of the manifest.
  public consuming func finish() throws(FleetError) {
    guard chunk == manifest.chunks.count else {
      throw FleetError("\(manifest.chunks.count - chunk) chunks are missing")
    }
    guard pending.isEmpty, lines > 0, lines - 1 == manifest.rows, size == manifest.size,
      Digest(whole) == manifest.digest
    else { throw FleetError("rows, size or SHA-256 of results.csv are not those of the manifest") }
  }

  /// Returns what to think of targets that the box's own scope denied, once the rows are right. Their number alone does not
  /// tell which they are, so any of them makes the shard narrow.
  ///
  /// - Parameter denied: the union of all deny lists that the fleet has had in force.
  public static func finding(_ plan: FleetPlan, _ manifest: Manifest, denied: AddressSet)
    -> CollectorMachine.Finding
  {
    if manifest.targetsDenied == 0 { return .whole }
    return .narrow(explained: plan.denied(denied, in: manifest.shard.number))
  }
}
