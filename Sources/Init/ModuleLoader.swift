// Loads the modules that the hardware needs, and no others.
import Kernel

/// Loads modules into the running kernel.
public struct ModuleLoader {
  private let index: ModuleIndex
  private let directory: String
  private let sysfs: String
  /// Loads the file of one module; tests replace it.
  private let insert: (_ path: String) throws(Errno) -> Void
  /// Modules that are in the kernel, whether or not this loader has loaded them.
  public private(set) var loaded: [String] = []
  /// No module is attempted twice.
  private var attempted: Set<String> = []
  /// A cache, because matching aliases is the slowest part.
  private var modulesByModalias: [String: [String]] = [:]

  /// - Parameters:
  ///   - directory: `/lib/modules/RELEASE`.
  ///   - sysfs: The mount point of sysfs.
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

  /// Returns the path of a module, relative to the directory; nil if there is no such module.
  public func file(of name: String) -> String? { index.files[ModuleIndex.name(of: name)] }

  /// Loads a module and its dependencies. Returns the failures; a built-in module is not one.
  public mutating func load(_ name: String) -> [Fault] {
    guard let order = index.loadOrder(of: name) else {
      if index.isBuiltIn(name) { return [] }
      return [
        Fault(
          "there is no module \(name) in \(directory)",
          remedy: "Remove it from [modules], or add it to the image")
      ]
    }
    var faults: [Fault] = []
    for module in order where attempted.insert(module).inserted {
      let path = "\(directory)/\(index.files[module] ?? "")"
      do throws(Errno) {
        try insert(path)
      } catch {
        if error != Machine.alreadyLoaded {
          faults.append(Fault("cannot load the module \(module)", cause: error))
          continue
        }
      }
      loaded.append(module)
    }
    return faults
  }

  /// Loads the modules for all present devices, and repeats until no device is new, because loading a controller's
  /// module adds its disks. Returns the failures.
  ///
  /// - Parameter isWanted: Whether to load the module in this file, a path relative to the directory.
  public mutating func loadForHardware(
    where isWanted: (_ file: String) -> Bool = { _ in true }
  ) -> [Fault] {
    var faults: [Fault] = []
    // Bounded, so that a device that keeps reappearing cannot stop the boot.
    for _ in 0..<8 {
      let count = loaded.count
      for modalias in modaliases() {
        let modules = modulesByModalias[modalias] ?? index.modules(for: modalias)
        modulesByModalias[modalias] = modules
        for module in modules where !attempted.contains(module) && isWanted(index.files[module] ?? "") {
          faults += load(module)
        }
      }
      if loaded.count == count { break }
    }
    return faults
  }

  /// Returns the modaliases of all devices, without duplicates. Skips devices that disappear meanwhile.
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
