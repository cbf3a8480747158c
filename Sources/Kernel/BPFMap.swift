// Access to loaded BPF maps: by bpf(2) for hash and per-CPU maps, by shared memory for arrays.
import CLinux

/// A loaded map, borrowed from its `BPFObject`.
public struct BPFMap: Sendable {
  public let name: String
  /// The descriptor, borrowed.
  public let number: Int32
  public let valueSize: Int
  public let maxEntries: Int

  /// Inserts or replaces an entry of a hash map.
  public func update(key: [UInt8], value: [UInt8]) throws(Fault) {
    precondition(value.count == valueSize)
    let error = unsafe bpf_map_update_elem(number, key, value, 0)
    guard error == 0 else { throw Fault("cannot write to the BPF map \(name)", cause: Errno(-error)) }
  }

  /// Returns the elements of an array of 64-bit counters.
  public func counters() throws(Fault) -> [UInt64] {
    precondition(valueSize == 8)
    var values: [UInt64] = []
    values.reserveCapacity(maxEntries)
    for index in 0..<UInt32(maxEntries) {
      var key = index
      var value: UInt64 = 0
      let error = unsafe bpf_map_lookup_elem(number, &key, &value)
      guard error == 0 else {
        throw Fault("cannot read the BPF map \(name)", cause: Errno(-error))
      }
      values.append(value)
    }
    return values
  }

  /// Returns the elements of a per-CPU array of 64-bit counters, each summed over all processors.
  public func perCPUSums() throws(Fault) -> [UInt64] {
    precondition(valueSize == 8)
    var sums: [UInt64] = []
    for index in 0..<maxEntries { sums += try perCPUSums(of: index) }
    return sums
  }

  /// Returns the 64-bit counters of one element of a per-CPU array, each summed over all processors.
  public func perCPUSums(of element: Int) throws(Fault) -> [UInt64] {
    precondition(valueSize % 8 == 0 && element >= 0 && element < maxEntries)
    let processors = libbpf_num_possible_cpus()
    guard processors > 0 else {
      throw Fault("cannot count the processors", cause: Errno(-processors))
    }
    let counters = valueSize / 8
    var values = [UInt64](repeating: 0, count: Int(processors) * counters)
    var key = UInt32(element)
    let error = unsafe bpf_map_lookup_elem(number, &key, &values)
    guard error == 0 else { throw Fault("cannot read the BPF map \(name)", cause: Errno(-error)) }
    var sums = [UInt64](repeating: 0, count: counters)
    for (index, value) in values.enumerated() { sums[index % counters] &+= value }
    return sums
  }
}
