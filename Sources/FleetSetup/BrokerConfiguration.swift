// The configuration of nats-server: who may do what.
import Support

/// Makes `nats-server.conf` of one server. It is whole: nothing is permitted that it does not name, nothing is stored.
///
/// Each party is an account of its own. A box imports three services of the account `fleet` under its own name, so the broker itself
/// rewrites where answers go: whatever reply subject a box names, it is a subject of its own account.
struct BrokerConfiguration {
  let record: FleetRecord
  let broker: Broker

  /// The user that the certificate's DNS name stands for.
  static func user(_ box: FleetBox) -> String { "\(box.issue).\(box.name).\(domain)" }
  static let collector = "collector.\(domain)"
  static let operatorUser = "operator.\(domain)"
  /// The name that all servers' certificates have.
  static let serverName = "broker.\(domain)"
  static let routeName = "route.\(domain)"
  private static let domain = "fleet.synbox"

  var text: String {
    ([head] + cluster + [accounts]).joined(separator: "\n") + "\n"
  }

  private func file(_ name: String) -> String { "\"\(broker.directory)/\(name)\"" }

  private var head: String {
    // Twice as many as there are parties, because a new connection may come before the broker knows that the old one has ended.
    """
    # The broker of the fleet \(record.name), made by synboxctl: changes are lost.
    # Send SIGHUP after replacing it, twice: nats-server 2.9 reads what a new box imports at the second.
    server_name: "\(broker.name)"
    listen: "\(broker.listen ?? broker.address)"
    max_payload: 1MB
    max_connections: \(2 * record.boxes.count + 16)
    max_subscriptions: 32
    max_control_line: 4096
    max_pending: 16MB
    write_deadline: "5s"
    ping_interval: "20s"
    ping_max: 2
    lame_duck_grace_period: "10s"
    lame_duck_duration: "30s"
    tls {
      cert_file: \(file("server.crt"))
      key_file: \(file("server.key"))
      ca_file: \(file("ca.crt"))
      verify_and_map: true
      timeout: 5
    }
    authorization {
      timeout: 5
      default_permissions: { publish: { deny: ">" }, subscribe: { deny: ">" } }
    }
    """
  }

  /// Routes believe another authority than clients, so that no box can pretend to be a server.
  private var cluster: [String] {
    guard let route = broker.route else { return [] }
    let others = record.brokers.filter { $0.name != broker.name }.compactMap(\.route)
    return [
      """
      client_advertise: "\(broker.address)"
      cluster {
        name: "\(record.name)"
        listen: "\(route)"
        no_advertise: false
        routes: [\(others.map { "\"nats-route://\($0)\"" }.joined(separator: ", "))]
        tls {
          cert_file: \(file("route.crt"))
          key_file: \(file("route.key"))
          ca_file: \(file("routes-ca.crt"))
          verify: true
          timeout: 5
        }
      }
      """
    ]
  }

  private struct Party {
    let account: String
    let user: String
    let subjects: [String]
    let inbox: String
  }

  private var parties: [Party] {
    let boxes = record.boxes.map { box in
      Party(
        account: "box-\(box.name)", user: Self.user(box),
        subjects: ["q.hello.\(box.name)", "q.blob.\(box.name).*", "q.chunk.\(box.name).*"],
        inbox: "_INBOX.\(box.name).>")
    }
    return boxes + [
      Party(
        account: "operator", user: Self.operatorUser, subjects: ["q.operator"],
        inbox: "_INBOX.operator.>")
    ]
  }

  private static func list(_ subjects: [String]) -> String {
    "[\(subjects.map { "\"\($0)\"" }.joined(separator: ", "))]"
  }

  private var accounts: String {
    let exports = parties.flatMap { party in
      party.subjects.map { "      { service: \"\($0)\", accounts: [\"\(party.account)\"] }" }
    }
    let collector = """
        "fleet" {
          users: [
            { user: "\(Self.collector)", permissions: {
              publish: { deny: ">" }
              subscribe: { allow: \(Self.list(["q.hello.*", "q.blob.*.*", "q.chunk.*.*", "q.operator", "_INBOX.collector.>"])) }
              allow_responses: { max: 1, expires: "30s" }
            } }
          ]
          exports: [
      \(exports.joined(separator: "\n"))
          ]
        }
      """
    return "accounts {\n" + ([collector] + parties.map(Self.account)).joined(separator: "\n") + "\n}"
  }

  private static func account(_ party: Party) -> String {
    let imports = party.subjects.map {
      "      { service: { account: \"fleet\", subject: \"\($0)\" } }"
    }
    return """
        "\(party.account)" {
          users: [
            { user: "\(party.user)", permissions: {
              publish: { allow: \(list(party.subjects)) }
              subscribe: { allow: \(list([party.inbox])) }
            } }
          ]
          imports: [
      \(imports.joined(separator: "\n"))
          ]
        }
      """
  }
}
