// What a fleet is, as its folder's file `fleet.json` has it.
import Fleet
import Kernel
import Support
import Wire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An IPv4 address and a port.
public struct Endpoint: Hashable, Sendable, Codable, CustomStringConvertible {
  public let address: IPv4Address
  public let port: UInt16

  public init(_ address: IPv4Address, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// Returns nil unless the text is `ADDRESS:PORT`.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Address(parts[0]), let port = UInt16(decimal: parts[1]),
      port > 0
    else { return nil }
    self.init(address, port: port)
  }

  public var description: String { "\(address):\(port)" }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let value = Self(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "expected ADDRESS:PORT"))
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// One server of the broker.
public struct Broker: Hashable, Sendable, Codable {
  /// Letters, digits and hyphens.
  public var name: String
  /// Where clients reach it.
  public var address: Endpoint
  /// Where it listens, if that differs.
  public var listen: Endpoint?
  /// Where the other servers of its cluster reach it; nil for a single server.
  public var route: Endpoint?
  /// Where its files will lie, an absolute path without quotes.
  public var directory: String

  public init(
    name: String, address: Endpoint, listen: Endpoint? = nil, route: Endpoint? = nil,
    directory: String
  ) {
    self.name = name
    self.address = address
    self.listen = listen
    self.route = route
    self.directory = directory
  }

  /// Says what is wrong; nil if nothing is.
  var fault: String? {
    guard BoxName(name) != nil else { return "\"\(Escaping.quotable(name))\" is no name of a broker" }
    let isPlain = directory.unicodeScalars.allSatisfy {
      Escaping.isVisible($0) && $0 != "\"" && $0 != "\\"
    }
    guard directory.hasPrefix("/"), isPlain else {
      return "the directory of the broker \(name) is no absolute path without quotes"
    }
    return nil
  }
}

/// A box that belongs to the fleet.
public struct FleetBox: Hashable, Sendable, Codable {
  public let name: String
  /// Counts the certificates that were issued under this name; a part of the user's name, so that an old certificate is of no use to
  /// a box that was added again.
  public let issue: Int
  /// The public key, 64 hexadecimal digits, with which its objects are checked.
  public let identity: String
}

struct FleetRecord: Hashable, Sendable, Codable {
  static let version = 1

  var version = Self.version
  var name: String
  var brokers: [Broker]
  var boxes: [FleetBox] = []
  /// The last issue of each name, of boxes that were revoked, too.
  var issues: [String: Int] = [:]
  /// The collector's public key, 64 hexadecimal digits.
  var fleetKey: String
  /// Public keys of operators, as lines of OpenSSH.
  var submitKeys: [String]
  var denyKeys: [String]

  private enum CodingKeys: String, CodingKey {
    case version, name, brokers, boxes, issues
    case fleetKey = "fleet_key"
    case submitKeys = "submit_keys"
    case denyKeys = "deny_keys"
  }

  func check(_ path: String) throws(Fault) {
    var faults = brokers.compactMap(\.fault)
    if brokers.isEmpty { faults.append("a fleet needs a broker") }
    if Set(brokers.map(\.name)).count < brokers.count { faults.append("two brokers have one name") }
    if brokers.count > 1, brokers.contains(where: { $0.route == nil }) {
      faults.append("each of several brokers needs an address for its routes")
    }
    if BoxName(name) == nil { faults.append("\"\(Escaping.quotable(name))\" is no name of a fleet") }
    for box in boxes where BoxName(box.name) == nil {
      faults.append("\"\(Escaping.quotable(box.name))\" is no name of a box")
    }
    if submitKeys.isEmpty || denyKeys.isEmpty {
      faults.append("a fleet needs a key that may submit scans, and one that may deny addresses")
    }
    for line in submitKeys + denyKeys {
      do throws(FleetError) { _ = try SSHPublicKey(parsing: line) } catch {
        faults.append(error.description)
      }
    }
    if let fault = faults.first { throw Fault("\(path) is invalid", detail: fault) }
  }
}
