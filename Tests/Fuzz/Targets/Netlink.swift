// Netlink datagrams, and everything that is parsed from them.
import Kernel
import NIC
import Wire

private let interface: Int32 = 2

extension FuzzTarget {
  /// The result is replies or an error. Replies have no more bytes than the input, and parsed values are in range.
  static let netlink = FuzzTarget("netlink", maximumLength: 2048) { bytes in
    var exchange = NetlinkExchange(sequence: 1, port: 2)
    do throws(NetlinkError) {
      _ = try exchange.parse(bytes)
    } catch {
      try require(!error.description.isEmpty, "an error without words")
    }
    let size = exchange.replies.reduce(0) { $0 + $1.payload.count + 16 }
    try require(size <= bytes.count, "\(size) bytes out of \(bytes.count)")
    try interpret(exchange.replies)
    // Without a matching header the bytes are ignored, so also try them as each type of reply.
    for type in [RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH, GENL_ID_CTRL] {
      try interpret([NetlinkReply(type: type, flags: 0, payload: bytes)])
    }
  }

  private static func interpret(_ replies: [NetlinkReply]) throws {
    for link in (try? replies.links()) ?? [] {
      try require(link.mac.value < 1 << 48, "\(link)")
    }
    for address in (try? replies.addresses(of: interface)) ?? [] {
      try require(address.prefixLength <= 32 && address.contains(address.address), "\(address)")
    }
    let prefixes = (try? replies.onLinkPrefixes(of: interface)) ?? []
    try require(prefixes == prefixes.sorted() && Set(prefixes).count == prefixes.count, "\(prefixes)")
    for (address, mac) in (try? replies.neighbours(of: interface)) ?? [:] {
      try require(!mac.isGroup, "\(address) is at \(mac)")
    }
    if let route = try? replies.route() { _ = try? Route(route.attributes, default: interface) }
    for reply in replies {
      for header in [0, 4, 8, 12, 16] {
        guard let attributes = try? NetlinkAttributes(reply, after: header) else { continue }
        let bytes = try count(attributes)
        try require(bytes <= reply.payload.count, "\(bytes) bytes of attributes")
        try interpretGeneric(attributes)
      }
    }
  }

  private static func interpretGeneric(_ attributes: NetlinkAttributes) throws {
    _ = try? attributes.rings()
    _ = try? attributes.channels()
    _ = try? attributes.coalescing()
    _ = try? attributes.xdpFeatures()
    for name in ((try? attributes.features()) ?? [:]).keys {
      try require(!name.isEmpty, "a feature without a name")
    }
  }

  /// Returns the size of all attributes. Requires that nested ones are within their parent.
  private static func count(_ attributes: NetlinkAttributes) throws -> Int {
    var sum = 0
    for attribute in attributes {
      try require(attribute.type <= 0x3fff, "type \(attribute.type)")
      sum += 4 + attribute.value.count
      if let nested = try? attribute.nested() {
        let inner = try count(nested)
        try require(inner <= attribute.value.count, "\(inner) bytes in \(attribute.value.count)")
      }
    }
    return sum
  }
}
