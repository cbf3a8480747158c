// The files that PID 1 parses: its settings, depmod's files, partition table, superblock, the boot count.
import Init
import Kernel
import NIC
import Plan

extension FuzzTarget {
  /// The result is an error with its place, or settings in range whose names contain no path separators.
  static let boxSettings = FuzzTarget("box-settings", maximumLength: 1024) { bytes in
    let box: BoxSettings
    do throws(InputError) {
      box = try BoxSettings(bytes, file: "box.toml")
    } catch {
      return try error.requirePlace(in: bytes)
    }
    let interface = box.interface
    try require(
      interface.driver != nil || interface.mac != nil || interface.bus != nil, "any NIC will do")
    try require(!interface.addresses.isEmpty, "no address")
    if let gateway = interface.gateway {
      try require(
        interface.addresses.contains { $0.contains(gateway) }, "\(gateway) is not on the link")
    }
    for name in [box.name, interface.name] + box.modules + [interface.driver].compactMap(\.self) {
      let isPlain = !name.isEmpty && !name.contains("/") && !name.contains(".")
      try require(isPlain, "a name \(name)")
      try requirePrintable(name)
    }
    if let management = box.management {
      try require(
        management.driver != nil || management.mac != nil || management.bus != nil, "any NIC will do")
      try require(management.address == .dhcp || management.fixed != nil, "\(management)")
    }
    try require(0...3600 ~= box.watchdogSeconds && 5...600 ~= box.heartbeatSeconds, "\(box)")
  }

  /// The input is the three files, separated by NULs. A load order is finite, contains each module once and its own
  /// last, and no path leaves the directory.
  static let modules = FuzzTarget("modules", maximumLength: 2048) { bytes in
    var index = ModuleIndex()
    let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map(
      Array.init)
    index.addDependencies(parts[0], file: "modules.dep")
    if parts.count > 1 { index.addAliases(parts[1], file: "modules.alias") }
    if parts.count > 2 { index.addSoftDependencies(parts[2], file: "modules.softdep") }
    for fault in index.faults { try requirePrintable(fault.description) }
    for (name, file) in index.files {
      try require(!file.hasPrefix("/") && !file.split(separator: "/").contains(".."), "a path \(file)")
      let order = index.loadOrder(of: name) ?? []
      try require(order.contains(name) && Set(order).count == order.count, "\(name): \(order)")
      try require(order.allSatisfy { index.files[$0] != nil }, "\(order)")
    }
    for modalias in [
      "pci:v00008086d000010C9sv00001AF4sd00001100bc02sc00i00", "virtio:d00000001v00001AF4",
    ] {
      _ = index.modules(for: modalias)
    }
  }

  /// The input is the start of a disk, the end of the image written to it, and the end of the disk. The result is an
  /// error, or writes that keep all other partitions. A table remains readable after each write, and growing again
  /// changes nothing.
  static let partitionTable = FuzzTarget("partition-table", maximumLength: 3 * FuzzDisk.piece) {
    bytes in
    for number in [1, 2] {
      var disk = FuzzDisk(bytes)
      guard let growth = try? disk.growth(number) else { continue }
      let before = (try? disk.table(1)) ?? (try? disk.table(disk.sectors - 1))
      for write in growth.writes {
        disk.write(write)
        let isReadable = (try? disk.table(1)) != nil || (try? disk.table(disk.sectors - 1)) != nil
        try require(isReadable, "no table is left")
      }
      let table = try disk.table(1)
      try require(table.partition(number) == growth.partition, "\(growth.partition)")
      for (other, sectors) in before?.partitions ?? [] where other != number {
        try require(table.partition(other) == sectors, "partition \(other) changed")
      }
      // A table that was only mended may be one that is not grown.
      guard growth.writes.count != 1 else { continue }
      let again = try disk.growth(number)
      try require(again.partition == growth.partition, "it does not stay at \(growth.partition)")
    }
  }

  /// The superblock is rejected or describes a file system within the partition.
  static let superblock = FuzzTarget("superblock", maximumLength: 1024) { bytes in
    let size: UInt64 = 32 << 20
    do {
      let block = try Ext4Superblock(bytes, partitionSize: size)
      let isPower = block.blockSize.nonzeroBitCount == 1 && 1024...65_536 ~= block.blockSize
      try require(isPower, "blocks of \(block.blockSize)")
      try require(
        block.blocksCount > 0 && block.blocksCount * block.blockSize <= size,
        "\(block.blocksCount) blocks")
    } catch let error as Fault {
      try requirePrintable(error.description)
    }
  }

  /// The variable is rejected or is the name of a file in one directory.
  static let bootCount = FuzzTarget("boot-count", maximumLength: 256) { bytes in
    do {
      let count = try BootCount(variable: bytes)
      for name in [count.file, count.goodName] {
        try require(!name.contains("/") && !name.contains("\\"), "a name \(name)")
        try requirePrintable(name)
      }
      try require(count.file.hasPrefix("synbox_\(count.version)+"), "\(count)")
    } catch let error as Fault {
      try requirePrintable(error.description)
    }
  }
}

/// A disk of 4 MiB in memory, to which an image of 2 MiB was written. Other sectors are zero.
private struct FuzzDisk {
  private var content: [UInt64: [UInt8]] = [:]
  let sectors: UInt64 = 8192
  /// The size of a table with its header in bytes.
  static let piece = 34 * 512

  init(_ bytes: [UInt8]) {
    let places: [UInt64] = [0, 4096 - 34, sectors - 34]
    for (number, place) in places.enumerated() {
      let part = Array(bytes.dropFirst(number * Self.piece).prefix(Self.piece))
      put(part + [UInt8](repeating: 0, count: Self.piece - part.count), at: place)
    }
  }

  private mutating func put(_ bytes: [UInt8], at place: UInt64) {
    for sector in 0..<bytes.count / 512 {
      content[place + UInt64(sector)] = Array(bytes[sector * 512..<(sector + 1) * 512])
    }
  }

  func read(_ place: UInt64, _ count: Int) throws(Fault) -> [UInt8] {
    guard place <= sectors, UInt64(count) <= sectors - place else { throw Fault("beyond the end") }
    return (place..<place + UInt64(count)).flatMap {
      content[$0] ?? [UInt8](repeating: 0, count: 512)
    }
  }

  func growth(_ number: Int) throws(Fault) -> GPTGrowth {
    try GPTGrowth(partition: number, sectors: sectors, sectorSize: 512, read: read)
  }

  func table(_ place: UInt64) throws(Fault) -> GPT {
    try GPT(at: place, sectors: sectors, sectorSize: 512, read: read)
  }

  mutating func write(_ write: GPTGrowth.Write) { put(write.bytes, at: write.lba) }
}
