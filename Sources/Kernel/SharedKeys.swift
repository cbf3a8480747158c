// The keys that the receive program validates replies with.
import CLinux

/// The receive program's SipHash keys by slot, in shared memory, because after the drop no system call can write to a
/// map.
///
/// A key is never half in force: `active` is cleared before the key's words change and set after, to another number each
/// time, and the program reads it before and after the words. Where a processor reorders reads, the program may hash
/// with words of two keys, both of which are secret.
@safe public struct SharedKeys: ~Copyable, @unchecked Sendable {
  private let memory: MappedMemory
  private let words: UnsafeMutablePointer<UInt>
  private static let stride = MemoryLayout<synbox_key>.stride / MemoryLayout<UInt>.stride

  /// Maps `SIPHASH_KEY`, an array with BPF_F_MMAPABLE. No slot is active.
  public init(_ map: BPFMap) throws(Fault) {
    precondition(map.valueSize == MemoryLayout<synbox_key>.size && map.maxEntries == Contract.slots)
    memory = try MappedMemory(
      descriptor: map.number, offset: 0, count: map.maxEntries * map.valueSize, writable: true,
      what: "the BPF map \(map.name)")
    unsafe words = memory.start.assumingMemoryBound(to: UInt.self)
    // Secret words even in slots never used.
    for slot in 0..<Contract.slots {
      set(slot, k0: .random(in: .min ... .max), k1: .random(in: .min ... .max))
      clear(slot)
    }
  }

  /// Sets the key of a slot and makes it active.
  public func set(_ slot: Int, k0: UInt64, k1: UInt64) {
    clear(slot)
    let key = unsafe words + slot * Self.stride
    unsafe clinux_store_release_long(key, UInt(k0))
    unsafe clinux_store_release_long(key + 1, UInt(k1))
    unsafe key[3] += 1
    unsafe clinux_store_release_long(key + 2, key[3])
  }

  /// Makes a slot inactive, so that no reply is valid under its key. The key's words stay, because they are secret, and
  /// zeros are not.
  public func clear(_ slot: Int) {
    precondition(slot >= 0 && slot < Contract.slots)
    unsafe clinux_store_release_long(words + slot * Self.stride + 2, 0)
  }
}
