// The IPv4 addresses of an interface, for a service that listens on it (getifaddrs(3)).
import CLinux

public enum InterfaceIPv4 {
  /// Returns the first address of an interface, in host byte order.
  ///
  /// - Throws: a `Fault` if it does not exist or has none.
  public static func first(of name: String) throws(Fault) -> UInt32 {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else {
      throw Fault("cannot read the addresses of \(name)", cause: .last)
    }
    defer { unsafe freeifaddrs(list) }
    var next = unsafe list
    while let entry = unsafe next {
      unsafe next = entry.pointee.ifa_next
      guard let address = unsafe entry.pointee.ifa_addr,
        unsafe Int32(address.pointee.sa_family) == AF_INET,
        unsafe String(cString: entry.pointee.ifa_name) == name
      else { continue }
      return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        unsafe UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
      }
    }
    throw Fault(
      "the interface \(name) has no IPv4 address, or does not exist",
      remedy: "Bring it up first, or give an address")
  }
}
