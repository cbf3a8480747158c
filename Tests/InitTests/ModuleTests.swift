// The files of depmod, and which modules are loaded for which hardware.
import Foundation
import Init
import Kernel
import LabSupport
import NIC
import Plan
import Testing

private func index(dep: String, alias: String = "", soft: String = "") -> ModuleIndex {
  var index = ModuleIndex()
  index.addDependencies(Array(dep.utf8), file: "modules.dep")
  index.addAliases(Array(alias.utf8), file: "modules.alias")
  index.addSoftDependencies(Array(soft.utf8), file: "modules.softdep")
  return index
}

private let dep = """
  kernel/igb.ko: kernel/i2c-algo-bit.ko kernel/dca.ko
  kernel/i2c-algo-bit.ko:
  kernel/dca.ko:
  kernel/ext4.ko: kernel/mbcache.ko kernel/jbd2.ko kernel/crc16.ko
  kernel/jbd2.ko: kernel/crc16.ko
  kernel/mbcache.ko:
  kernel/crc16.ko:
  kernel/disk.ko:

  """

@Suite(.timeLimit(.minutes(5))) struct `The module index` {
  @Test func `puts dependencies first, each once`() throws {
    let order = try #require(index(dep: dep).loadOrder(of: "ext4"))
    #expect(Set(order) == ["ext4", "mbcache", "jbd2", "crc16"])
    #expect(order.count == 4)
    #expect(order.last == "ext4")
    let crc = try #require(order.firstIndex(of: "crc16"))
    let journal = try #require(order.firstIndex(of: "jbd2"))
    #expect(crc < journal)
  }

  @Test func `treats - and _ in names alike`() {
    #expect(index(dep: dep).loadOrder(of: "i2c_algo_bit") == ["i2c_algo_bit"])
    #expect(index(dep: dep).loadOrder(of: "i2c-algo-bit") == ["i2c_algo_bit"])
    #expect(index(dep: dep).loadOrder(of: "none") == nil)
  }

  @Test func `includes the soft dependencies that exist`() {
    let index = index(dep: dep, soft: "softdep ext4 pre: crc16 none post: dca\n")
    #expect(index.loadOrder(of: "ext4")?.first == "crc16")
    #expect(index.loadOrder(of: "ext4")?.last == "dca")
  }

  @Test func `terminates for cyclic and for very long dependencies`() {
    #expect(index(dep: "a.ko: b.ko\nb.ko: a.ko\n").loadOrder(of: "a") == ["b", "a"])
    let chain = (0..<100_000).map { "m\($0).ko: m\($0 + 1).ko" }.joined(separator: "\n")
    #expect((index(dep: chain).loadOrder(of: "m0")?.count ?? 0) >= 1)
  }

  @Test func `finds modules by modalias`() {
    let index = index(
      dep: dep,
      alias: """
        # Aliases
        alias pci:v00008086d000010C9sv*sd*bc*sc*i* igb
        alias pci:v00001[aA]F4d*sv*sd*bc*sc*i* disk
        alias virtio:d00000002v* ext4

        """)
    #expect(index.faults.isEmpty)
    #expect(index.modules(for: "pci:v00008086d000010C9sv00008086sd0000A04Cbc02sc00i00") == ["igb"])
    #expect(index.modules(for: "pci:v00008086d000010C8sv00008086sd0000A04Cbc02sc00i00") == [])
    #expect(index.modules(for: "pci:v00001AF4d00001000sv0sd0bc02sc00i00") == ["disk"])
    #expect(index.modules(for: "virtio:d00000002v00001AF4") == ["ext4"])
    #expect(index.modules(for: "") == [])
  }

  @Test(arguments: [
    "/etc/passwd.ko:", "../../x.ko:", "kernel/../x.ko:", "kernel/x.ko: ../y.ko", "kernel//x.ko:",
    "kernel/x.ko", "kernel/x.ko.xz:", "kernel/x.ko.ko:", "kernel/x\u{1b}.ko:",
  ])
  func `skips and reports invalid lines`(line: String) {
    let index = index(dep: "\(line)\nkernel/good.ko:\n")
    #expect(Array(index.files.keys) == ["good"])
    #expect(index.faults.map(\.line) == [1])
    #expect(index.faults.first.map { "\($0)" }?.hasPrefix("modules.dep:1:1: found ") == true)
  }

  @Test func `needs modules.dep`() {
    #expect(throws: Fault.self) { try ModuleIndex(directory: "/nonexistent") }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The module loader` {
  /// Returns the root of a sysfs with one device for each of `modaliases`.
  private func sysfs(_ modaliases: [(bus: String, modalias: String)]) throws -> String {
    let root = try Lab.temporaryDirectory()
    for (number, (bus, modalias)) in modaliases.enumerated() {
      try add(number, bus, modalias, to: root)
    }
    return root
  }

  private func add(_ number: Int, _ bus: String, _ modalias: String, to root: String) throws {
    let directory = "\(root)/bus/\(bus)/devices/\(number)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try "\(modalias)\n".write(toFile: "\(directory)/modalias", atomically: false, encoding: .utf8)
  }

  private let alias = "alias pci:v1d* igb\nalias pci:v2d* disk\nalias scsi:t-0x00* ext4\n"

  @Test func `loads the modules for the hardware, and no others`() throws {
    let root = try sysfs([("pci", "pci:v1d1"), ("pci", "pci:v3d1"), ("usb", "")])
    var paths: [String] = []
    var loader = ModuleLoader(
      index(dep: dep, alias: alias), directory: "/lib/modules/1", sysfs: root
    ) { path throws(Errno) in paths.append(path) }
    let faults = loader.loadForHardware()
    #expect(faults.isEmpty)
    #expect(loader.loaded.sorted() == ["dca", "i2c_algo_bit", "igb"])
    #expect(paths.last == "/lib/modules/1/kernel/igb.ko")
    let repeatedFaults = loader.loadForHardware()
    #expect(repeatedFaults.isEmpty)
    #expect(paths.count == 3, "nothing is loaded twice")
  }

  @Test func `loads modules for devices that a new driver has added`() throws {
    let root = try sysfs([("pci", "pci:v2d1")])
    var loader = ModuleLoader(
      index(dep: dep, alias: alias), directory: "/m", sysfs: root
    ) { path throws(Errno) in
      if path.hasSuffix("disk.ko") { try? add(9, "scsi", "scsi:t-0x00", to: root) }
    }
    let faults = loader.loadForHardware()
    #expect(faults.isEmpty)
    #expect(loader.loaded.contains("ext4"))
  }

  @Test func `continues after a module that cannot be loaded, and reports it`() throws {
    let root = try sysfs([("pci", "pci:v1d1"), ("pci", "pci:v2d1")])
    var loader = ModuleLoader(
      index(dep: dep, alias: alias), directory: "/m", sysfs: root
    ) { path throws(Errno) in if path.hasSuffix("igb.ko") { throw Errno(129) } }
    let faults = loader.loadForHardware()
    #expect(faults.map(\.what) == ["cannot load the module igb"])
    #expect(loader.loaded.contains("disk"))
  }

  @Test func `counts a module that is already loaded`() throws {
    var loader = ModuleLoader(index(dep: dep), directory: "/m", sysfs: "/nonexistent") {
      _ throws(Errno) in throw Machine.alreadyLoaded
    }
    let faults = loader.load("dca")
    #expect(faults.isEmpty)
    #expect(loader.loaded == ["dca"])
    let missing = loader.load("none")
    #expect(missing.count == 1)
  }

  @Test func `loads only the wanted modules, and the others later`() throws {
    let root = try sysfs([("pci", "pci:v1d1"), ("pci", "pci:v2d1")])
    var loader = ModuleLoader(
      index(dep: dep, alias: alias), directory: "/m", sysfs: root
    ) { _ throws(Errno) in }
    #expect(loader.loadForHardware { $0.contains("disk") }.isEmpty)
    #expect(loader.loaded == ["disk"])
    let faults = loader.loadForHardware()
    #expect(faults.isEmpty)
    #expect(loader.loaded.contains("igb"))
  }
}
