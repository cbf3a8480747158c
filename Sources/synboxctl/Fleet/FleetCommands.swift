// fleet deny, boxes, approve, revoke, cancel, retry.
import ArgumentParser
import Fleet
import FleetHost
import Kernel
import Plan

extension FleetOptions {
  /// Prints an answer: as it came with `--json`, and else `text`.
  func show(_ answer: [String: JSONValue], _ text: String) {
    Terminal.output(
      json ? String(decoding: JSONValue.object(answer).canonical, as: UTF8.self) + "\n" : text)
  }
}

struct FleetDenyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deny", abstract: "Put a deny list in force for all boxes.",
    discussion: """
      The list replaces the one before, and is signed with your key. Boxes obey it within the time that a licence lasts; a box \
      out of contact for longer sends nothing. An empty file denies nothing; a fleet needs one list before its first scan.
      """)

  @OptionGroup var options: FleetOptions
  @Argument(help: "Addresses, ranges and prefixes, one a line.", completion: .file())
  var file: String
  @Option(
    name: .customLong("key"),
    help: ArgumentHelp(
      "SSH key to sign with; its public part is in the fleet's deny keys.", valueName: "file"),
    completion: .file())
  var key: String

  func run() async throws {
    let connection = try await options.connection()
    let bytes = try Files.read(file, limit: Int(DenyObject.largestList))
    if !bytes.isEmpty { _ = try AddressList.parse(bytes, name: file) }
    let last: UInt64 =
      if case .number(let number)? = try await connection.ask("status")["deny_seq"] {
        UInt64(max(0, number))
      } else { 0 }
    let list = DenyObject(sequence: last + 1, digest: Digest(of: bytes), size: UInt64(bytes.count))
    let scratch = try Scratch()
    let signed = try OperatorKey.sign(list.body, .deny, key: key, scratch: scratch.path)
    if !bytes.isEmpty { try await connection.send(file, as: list.digest, size: list.size) }
    let object = JSONValue.object(["body": signed.body, "sig": .text(signed.signature)])
    let answer = try await connection.ask("deny", ["deny": object])
    options.show(answer, "deny list \(list.sequence) is in force at the collector\n")
  }
}

struct FleetApproveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Let a box work for the fleet.",
    discussion: "Compare the key with the one that the box's agent logs at its start.")

  @OptionGroup var options: FleetOptions
  @Argument(help: "Name of the box.") var box: String
  @Option(
    name: .customLong("box-key"), help: "Its key, 64 hexadecimal digits; needed before its first hello."
  )
  var key: String?

  func run() async throws {
    let answer = try await options.connection().ask(
      "approve", ["box": .text(box), "key": key.map { .text($0) } ?? .null])
    guard case .text(let approved)? = answer["key"] else { throw FleetError("the answer has no key") }
    options.show(answer, "\(box) is approved with the key \(approved)\n")
  }
}

struct FleetRevokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Let a box work no more: it gets no licence, and its results do not count.",
    discussion:
      "Also run synboxctl fleet init --revoke, which removes it from the broker's configuration.")

  @OptionGroup var options: FleetOptions
  @Argument(help: "Name of the box.") var box: String

  func run() async throws {
    let answer = try await options.connection().ask("revoke", ["box": .text(box)])
    options.show(answer, "\(box) is revoked\n")
  }
}

struct FleetCancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "End a scan. What was accepted is kept; nothing is merged.")

  @OptionGroup var options: FleetOptions
  @Argument(help: "ID of the scan.") var scan: String

  func run() async throws {
    let answer = try await options.connection().ask("cancel", ["scan": .text(scan)])
    options.show(answer, "\(scan) is cancelled\n")
  }
}

struct FleetRetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Assign the failed shards of a scan again.")

  @OptionGroup var options: FleetOptions
  @Argument(help: "ID of the scan.") var scan: String

  func run() async throws {
    let answer = try await options.connection().ask("retry", ["scan": .text(scan)])
    guard case .number(let shards)? = answer["shards"] else {
      throw FleetError("the answer has no shards")
    }
    options.show(answer, "\(shards) shards are assigned again\n")
  }
}
