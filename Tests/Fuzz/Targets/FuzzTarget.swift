// The fuzz targets: every parser of untrusted bytes, with the requirements that must hold for any input.

/// A parser and its requirements. docs/design/testing.md describes how to add one.
public struct FuzzTarget: Sendable {
  /// Also the name of its corpus in Tests/Fuzz/Corpora.
  public let name: String
  /// The longest useful input in bytes.
  public let maximumLength: Int
  private let body: @Sendable ([UInt8]) throws -> Void

  init(_ name: String, maximumLength: Int, _ body: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    self.maximumLength = maximumLength
    self.body = body
  }

  /// Runs one input.
  ///
  /// - Throws: a `FuzzFailure` if a requirement does not hold.
  public func run(_ input: [UInt8]) throws { try body(input) }

  public static let all: [FuzzTarget] = [
    .eventRecord, .packets, .tcpOptions, .arp, .netlink, .targetText, .binaryTargets, .targetPieces,
    .addressList,
    .values, .toml, .configuration, .profile, .jobRecord, .recovery, .checkpoint, .answers, .compressed,
    .fileNames, .taskStatus,
    .boxSettings, .modules, .partitionTable, .superblock, .bootCount, .serverEvents, .boxAnswers,
    .natsFrames, .fleetObjects, .fleetRows,
    .dhcpReply, .networkReport,
    .requestTargets, .requestFields, .tokenFile, .manageSettings,
  ]
}

/// A requirement that does not hold.
public struct FuzzFailure: Error, CustomStringConvertible {
  public let description: String
}

/// Throws a `FuzzFailure` unless `condition` holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(FuzzFailure) {
  if !condition { throw FuzzFailure(description: what()) }
}
