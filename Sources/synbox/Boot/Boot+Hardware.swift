// The box's hardware on its way up: the watchdog, the drivers, the NIC, the disk.
import Init
import Kernel
import NIC

extension Boot {
  private static let watchdogDevice = "/dev/watchdog"

  func armWatchdog() {
    guard let seconds = settings?.watchdogSeconds, seconds > 0 else {
      return console.say("no watchdog is wanted")
    }
    // The hardware's before that of the kernel's own timers, which only [modules] can ask for.
    load(["/drivers/watchdog/"])
    // Intel's hangs on the chip set's own drivers, which take their time.
    if Files.kind(of: Self.watchdogDevice) == nil {
      load(["/drivers/watchdog/", "/drivers/mfd/", "/drivers/i2c/"])
    }
    for name in settings?.modules ?? [] where modules?.file(of: name)?.contains("/watchdog/") == true {
      say(modules?.load(name))
    }
    do throws(Errno) {
      let watchdog = try Watchdog(Self.watchdogDevice, seconds: seconds)
      let time = watchdog.hasTimeout ? "\(watchdog.seconds) s" : "its own time"
      console.say("watchdog \(watchdog.name), \(time)")
      self.watchdog = consume watchdog
    } catch {
      note(
        .watchdog,
        "there is no watchdog (\(Self.watchdogDevice): \(error.message)): a box that hangs stays so")
    }
  }

  /// Loads the modules of hardware that is here and asks for them, of these directories of the kernel's.
  private func load(_ kinds: [String]) {
    say(modules?.loadForHardware { file in kinds.contains { file.contains($0) } })
  }

  /// Loads all that the hardware asks for, and what the settings name.
  func loadAllModules() {
    say(modules?.loadForHardware())
    guard !hasAllModules else { return }
    hasAllModules = true
    for name in settings?.modules ?? [] { say(modules?.load(name)) }
    // A controller among them may have brought devices.
    say(modules?.loadForHardware())
    console.say("modules: \((modules?.loaded ?? []).sorted().joined(separator: " "))")
  }

  func say(_ faults: [Fault]?) {
    for fault in faults ?? [] { console.say("problem: \(fault)") }
  }

  /// Loads a module that is needed now; what is built into the kernel is there already.
  func need(_ names: String...) {
    for name in names { say(modules?.load(name)) }
  }
}

// MARK: - What may come later

extension Boot {
  /// Disks show themselves when their controllers have looked for them.
  private static let patience = 10_000

  func awaitData() {
    // The others take their time, and are loaded if this is not enough.
    load(["/drivers/block/", "/drivers/nvme/"])
    need("ext4")
    attempt(for: Self.patience, mountData)
  }

  func awaitInterface() {
    load(["/drivers/net/"])
    attempt(for: Self.patience / 2, configureInterface)
  }

  /// Tries until it is done, or until it has become a problem that time alone does not solve. What does not show itself
  /// soon may hang on hardware whose module is not loaded yet.
  private func attempt(for milliseconds: Int, _ attempt: () -> Attempt) {
    let began = Clock.boottime
    while true {
      let elapsed = Int((Clock.boottime - began) / 1_000_000)
      switch attempt() {
      case .done: return
      case .failed(let concern, let why): return note(concern, why)
      case .missing(let concern, let why):
        guard elapsed < milliseconds else { return note(concern, why) }
      }
      keepAlive()
      pause(milliseconds: 20)
      if elapsed >= 300 { loadAllModules() }
    }
  }

  enum Attempt {
    case done
    /// It may come.
    case missing(BoxStatus.Concern, String)
    case failed(BoxStatus.Concern, String)
  }

  /// Tries again what is missing.
  func tryAgain() {
    loadAllModules()
    for attempt in [hasData ? .done : mountData(), device != nil ? .done : configureInterface()] {
      switch attempt {
      case .done: break
      case .missing(let concern, let why), .failed(let concern, let why): note(concern, why)
      }
    }
  }

  private func mountData() -> Attempt {
    do throws(Fault) {
      let data = try DataPartition.find(repairing: !isRescue)
      try data.mount(at: Self.dataMount, readOnly: isRescue)
      if !isRescue { grow(data) }
      hasData = true
      note(.fault, nil)
      // Of the four directories below it the scanner takes care.
      if !isRescue, dataDirectory != Self.dataMount { try Files.makeDirectory(dataDirectory) }
      let megabytes = ((try? DiskSpace(of: Self.dataMount))?.total ?? 0) / 1_000_000
      console.say("data on \(data.partition.device), \(megabytes) MB")
      return .done
    } catch {
      let isMissing = Partition.named(DataPartition.name).isEmpty
      return isMissing ? .missing(.fault, "\(error)") : .failed(.fault, "\(error)")
    }
  }

  /// To the end of the disk. It serves as it is where that cannot be done.
  private func grow(_ data: DataPartition) {
    do throws(Fault) {
      let size = try data.grow()
      try data.growFileSystem(at: Self.dataMount, to: size, beforeEachStep: keepAlive)
      note(.disk, nil)
    } catch {
      note(.disk, "the data partition cannot be grown: \(error)")
    }
  }

  /// A disk that came later may have one too. Which was meant is not ours to guess; what is in use stays so.
  func lookForOtherData() {
    guard hasData else { return }
    do throws(Fault) {
      _ = try Partition.only(DataPartition.name)
    } catch {
      note(.disk, "\(error); the one that was there first is in use")
    }
  }

  private func configureInterface() -> Attempt {
    guard let interface = settings?.interface else { return .done }
    do throws(Fault) {
      let found = try interface.prepare()
      if !leavesLinkDown { try interface.bringUp() }
      device = found
      note(.link, nil)
      let addresses = interface.addresses.map(\.description).joined(separator: ", ")
      console.say("\(interface.name) was \(found), has \(addresses)")
      return .done
    } catch {
      return .missing(.link, "\(error)")
    }
  }

  /// From now on the link is ours to bring up: no scanner is about to do it.
  func bringLinkUp() {
    leavesLinkDown = false
    guard device != nil, let interface = settings?.interface else { return }
    do throws(Fault) {
      try interface.bringUp()
    } catch {
      note(.link, "\(error)")
    }
  }

  /// The NIC went, or is to be looked for anew.
  func forgetInterface() { device = nil }
}
