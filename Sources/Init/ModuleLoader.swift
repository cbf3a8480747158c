// Loads what the hardware asks for, and nothing else.
import Kernel

/// The kernel's modules of a running box.
public struct ModuleLoader {
  private let index: ModuleIndex
  private let directory: String
  private let sysfs: String
  /// How a file gets into the kernel; a test's own way in tests.
  private let insert: (_ path: String) throws(Errno) -> Void
  /// Modules that were loaded, or were there.
  public private(set) var loaded: [String] = []
  /// Those that were tried; none is tried twice.
  private var tried: Set<String> = []
  /// What devices ask for, by their modalias: looking that up takes longest.
  private var wishes: [String: [String]] = [:]

  /// - Parameters:
  ///   - directory: /lib/modules/RELEASE.
  ///   - sysfs: where sysfs is mounted.
  public init(
    _ index: ModuleIndex, directory: String, sysfs: String = "/sys",
    insert: @escaping (_ path: String) throws(Errno) -> Void = { path throws(Errno) in
      try Machine.loadModule(path)
    }
  ) {
    self.index = index
    self.directory = directory
    self.sysfs = sysfs
    self.insert = insert
  }

  /// A module's file below the directory; nil where there is none.
  public func file(of name: String) -> String? { index.files[ModuleIndex.name(of: name)] }

  /// Loads a module with all that it needs. What the kernel has built in is no fault.
  public mutating func load(_ name: String) -> [Fault] {
    guard let order = index.loadOrder(of: name) else {
      if index.isBuiltIn(name) { return [] }
      return [
        Fault(
          "there is no module \(name) in \(directory)",
          remedy: "Take it out of [modules], or build it in")
      ]
    }
    var faults: [Fault] = []
    for module in order where tried.insert(module).inserted {
      let path = "\(directory)/\(index.files[module] ?? "")"
      do throws(Errno) {
        try insert(path)
      } catch {
        if error != Machine.isLoaded {
          faults.append(Fault("cannot load the module \(module)", cause: error))
          continue
        }
      }
      loaded.append(module)
    }
    return faults
  }

  /// Loads what the devices that are here now ask for, again until no new ones show up: a controller's module
  /// brings its disks.
  ///
  /// - Parameter isWanted: of a module's file below the directory.
  public mutating func loadForHardware(
    where isWanted: (_ file: String) -> Bool = { _ in true }
  ) -> [Fault] {
    var faults: [Fault] = []
    // Bounded: what plugs and unplugs itself must not keep the box from starting.
    for _ in 0..<8 {
      let count = loaded.count
      for modalias in modaliases() {
        let wish = wishes[modalias] ?? index.modules(for: modalias)
        wishes[modalias] = wish
        for module in wish where !tried.contains(module) && isWanted(index.files[module] ?? "") {
          faults += load(module)
        }
      }
      if loaded.count == count { break }
    }
    return faults
  }

  /// Of all devices on all buses, each once. One that goes meanwhile is passed over.
  private func modaliases() -> [String] {
    var seen: Set<String> = []
    for bus in (try? SmallFile.names(in: "\(sysfs)/bus")) ?? [] {
      let devices = "\(sysfs)/bus/\(bus)/devices"
      for device in (try? SmallFile.names(in: devices)) ?? [] {
        guard let bytes = try? SmallFile.read("\(devices)/\(device)/modalias", limit: 4096) else {
          continue
        }
        seen.insert(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
      }
    }
    return seen.subtracting([""]).sorted()
  }
}
