// Interfaces and the network namespaces that they are in.
import Kernel

extension NetworkControl {
  /// Opens the sockets in a namespace. They stay in it, whatever this thread does later.
  public init(in namespace: NetworkNamespace) throws(Fault) {
    self = try namespace.run { () throws(Fault) in try NetworkControl() }
  }

  /// The name of the interface that every namespace has.
  static let loopback = "lo"

  /// Returns the names of the interfaces in this namespace, apart from `lo` and `name`.
  public func interfaces(besides name: String) throws(Fault) -> [String] {
    try links().map(\.name).filter { $0 != name && $0 != Self.loopback }.sorted()
  }

  /// Waits up to `milliseconds` until an interface is the only one in this namespace, beside `lo`.
  ///
  /// - Throws: a `Fault` that names the others.
  public func requireOwnNamespace(of name: String, milliseconds: Int) throws(Fault) {
    let deadline = Int(Clock.monotonic / 1_000_000) + milliseconds
    while case let others = try interfaces(besides: name), !others.isEmpty {
      guard Int(Clock.monotonic / 1_000_000) < deadline else {
        throw Fault(
          "the network namespace of \(name) has other interfaces, too: "
            + others.joined(separator: ", "))
      }
      pause(milliseconds: 20)
    }
  }

  /// Moves an interface to another namespace, where it is down and has no address, and renames it there.
  ///
  /// - Parameter newName: nil to keep its name.
  /// - Throws: EEXIST if an interface there has the name; EINVAL if the interface belongs to its namespace for good.
  public func move(_ index: Int32, to namespace: NetworkNamespace, as newName: String? = nil)
    throws(NetlinkError)
  {
    var message = NetlinkMessage(type: RTM_NEWLINK, header: Self.linkHeader(index: index))
    message.put(IFLA_NET_NS_FD, namespace.number)
    if let newName { message.put(IFLA_IFNAME, string: newName) }
    _ = try route.request(message)
  }
}
