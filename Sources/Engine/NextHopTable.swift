// The next hops of all scans that run, by one numbering: an RST of one scan may leave while another one sends.
import Datapath
import NIC
import Wire

/// Numbers Ethernet addresses from 1. Entry 0 is the gateway's. Used by the control thread.
final class NextHopTable {
  private(set) var addresses: [MACAddress] = [.zero]
  private var indices: [MACAddress: UInt32] = [:]

  /// The most entries that the generator has room for.
  static let limit = AddressResolver.maximumAddresses + 1

  /// Whether the addresses of one more scan may not fit.
  func isFull(for hops: NextHops) -> Bool { addresses.count + hops.addresses.count - 1 > Self.limit }

  /// Forgets everything. No RST with a number of this table may be waiting.
  func reset() {
    addresses = [.zero]
    indices = [:]
  }

  func set(gateway: MACAddress) { addresses[0] = gateway }

  /// Returns an address's number, a new one if it has none.
  func index(of address: MACAddress) -> UInt32 {
    if let known = indices[address] { return known }
    let index = UInt32(addresses.count)
    addresses.append(address)
    indices[address] = index
    return index
  }
}
