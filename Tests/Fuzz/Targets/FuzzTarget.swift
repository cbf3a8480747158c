// What is fuzzed: every reader of bytes that others wrote, and what must hold whatever they are.

/// One reader. docs/design/testing.md says how to add one.
public struct FuzzTarget: Sendable {
  /// Names its corpus in Tests/Fuzz/Corpora.
  public let name: String
  /// Longer inputs show nothing new; bytes.
  public let maximumLength: Int
  /// Whether what was allocated must be freed again. TOMLKit never frees a table.
  public let frees: Bool
  private let body: @Sendable ([UInt8]) throws -> Void

  init(
    _ name: String, maximumLength: Int, frees: Bool = true,
    _ body: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    self.name = name
    self.maximumLength = maximumLength
    self.frees = frees
    self.body = body
  }

  /// Throws a `FuzzFailure` if something does not hold that must.
  public func run(_ input: [UInt8]) throws { try body(input) }

  public static let all: [FuzzTarget] = [
    .eventRecord, .packets, .tcpOptions, .arp, .netlink, .targetText, .binaryTargets, .addressList,
    .values, .configuration, .profile, .jobRecord, .recovery, .checkpoint, .answers, .compressed,
    .fileNames, .taskStatus,
    .boxSettings, .modules, .partitionTable, .superblock, .bootCount,
  ]
}

/// What did not hold.
public struct FuzzFailure: Error, CustomStringConvertible {
  public let description: String
}

/// Throws a `FuzzFailure` unless `condition` holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(FuzzFailure) {
  if !condition { throw FuzzFailure(description: what()) }
}
