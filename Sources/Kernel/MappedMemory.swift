// Memory from mmap(2), unmapped when it goes out of scope.
import CLinux

/// The size of a memory page in bytes.
public var pageSize: Int { MappedMemory.pageSize }

/// The machine's memory in bytes. Makes a system call that the confinement does not allow, so call it before the
/// drop.
public var physicalMemory: UInt64 {
  UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * UInt64(pageSize)
}

/// A mapping of a descriptor, or anonymous memory.
@safe struct MappedMemory: ~Copyable, @unchecked Sendable {
  let start: UnsafeMutableRawPointer
  let count: Int

  static var pageSize: Int { sysconf(Int32(_SC_PAGESIZE)) }

  /// Maps `count` bytes of `descriptor` at `offset`, shared with the kernel.
  init(descriptor: Int32, offset: Int, count: Int, writable: Bool, what: String) throws(Fault) {
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    try unsafe self.init(
      mmap(nil, count, protection, MAP_SHARED, descriptor, offset), count, what)
  }

  /// Maps zeroed memory with all pages present.
  init(anonymous count: Int, what: String) throws(Fault) {
    try unsafe self.init(
      mmap(
        nil, count, PROT_READ | PROT_WRITE,
        Int32(MAP_PRIVATE) | Int32(MAP_ANONYMOUS) | Int32(MAP_POPULATE), -1, 0), count, what)
  }

  private init(_ mapped: UnsafeMutableRawPointer?, _ count: Int, _ what: String) throws(Fault) {
    guard let mapped = unsafe mapped, Int(bitPattern: mapped) != -1 else {
      throw Fault("cannot map \(count) bytes of \(what)", cause: .last)
    }
    unsafe start = mapped
    self.count = count
  }

  deinit { unsafe munmap(start, count) }
}
