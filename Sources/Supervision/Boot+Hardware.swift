// Brings up the box's hardware: watchdog, drivers, NIC, disk.
import BoxAPI
import Init
import Kernel
import NIC

extension Boot {
  private static let watchdogDevice = "/dev/watchdog"

  func armWatchdog() {
    guard let seconds = settings?.watchdogSeconds, seconds > 0 else {
      return console.say("watchdog disabled")
    }
    // A hardware watchdog takes precedence over softdog, which only [modules] can request.
    load(["/drivers/watchdog/"])
    // Intel's depends on the chip set's drivers, which are slow to load.
    if Files.kind(of: Self.watchdogDevice) == nil {
      load(["/drivers/watchdog/", "/drivers/mfd/", "/drivers/i2c/"])
    }
    for name in settings?.modules ?? [] where modules?.file(of: name)?.contains("/watchdog/") == true {
      report(modules?.load(name))
    }
    do throws(Errno) {
      let watchdog = try Watchdog(Self.watchdogDevice, seconds: seconds)
      let time = watchdog.hasTimeout ? "\(watchdog.seconds) s" : "fixed timeout"
      console.say("watchdog \(watchdog.name), \(time)")
      self.watchdog = consume watchdog
    } catch {
      setProblem(
        .watchdog,
        "no watchdog (\(Self.watchdogDevice): \(error.message)); a box that hangs will not restart by itself"
      )
    }
  }

  /// Loads modules for the hardware that is present, from these directories of the kernel only.
  private func load(_ directories: [String]) {
    report(modules?.loadForHardware { file in directories.contains { file.contains($0) } })
  }

  /// Loads all modules for the hardware that is present, and those that the settings name.
  func loadAllModules() {
    report(modules?.loadForHardware())
    guard !hasAllModules else { return }
    hasAllModules = true
    for name in settings?.modules ?? [] { report(modules?.load(name)) }
    // They may include a controller that has revealed more devices.
    report(modules?.loadForHardware())
    // For marking the image as good.
    if Files.kind(of: GoodMark.firmware) != nil { loadModules(GoodMark.modules) }
    console.say("modules: \((modules?.loaded ?? []).sorted().joined(separator: " "))")
    separateInterfaces()
  }

  private func report(_ faults: [Fault]?) {
    for fault in faults ?? [] { console.say("problem: \(fault)") }
  }

  /// Loads modules by name, except those built into the kernel.
  func loadModules(_ names: [String]) {
    for name in names { report(modules?.load(name)) }
  }
}

// MARK: - Hardware that may appear late

extension Boot {
  /// How long to wait for a disk, in milliseconds. Controllers take a while to probe for disks.
  private static let diskTimeout = 10_000

  func awaitData() {
    // Other disk drivers are slow to load; `attempt` loads them only if these do not suffice.
    load(["/drivers/block/", "/drivers/nvme/"])
    loadModules(["ext4"])
    attempt(for: Self.diskTimeout, mountData)
  }

  func awaitInterface() {
    load(["/drivers/net/"])
    attempt(for: Self.diskTimeout / 2, configureInterface)
    separateInterfaces()
  }

  /// Repeats an attempt until it succeeds, fails or times out. After 300 ms it loads all modules, because the device
  /// may depend on one that is not loaded yet.
  private func attempt(for milliseconds: Int, _ attempt: () -> Attempt) {
    let began = Clock.boottime
    while true {
      let elapsed = Int((Clock.boottime - began) / 1_000_000)
      switch attempt() {
      case .done: return
      case .failed(let kind, let problem): return setProblem(kind, problem)
      case .missing(let kind, let problem):
        guard elapsed < milliseconds else { return setProblem(kind, problem) }
      }
      keepAlive()
      pause(milliseconds: 20)
      if elapsed >= 300 { loadAllModules() }
    }
  }

  enum Attempt {
    case done
    /// The device may still appear.
    case missing(ProblemKind, String)
    case failed(ProblemKind, String)
  }

  /// Tries again to set up whatever is missing.
  func retry() {
    loadAllModules()
    for attempt in [hasData ? .done : mountData(), device != nil ? .done : configureInterface()] {
      switch attempt {
      case .done: break
      case .missing(let kind, let problem), .failed(let kind, let problem): setProblem(kind, problem)
      }
    }
  }

  private func mountData() -> Attempt {
    do throws(Fault) {
      let data = try DataPartition.find(repairing: !isRescue)
      try data.mount(at: DataPartition.mountPoint, readOnly: isRescue)
      if !isRescue { grow(data) }
      hasData = true
      setProblem(.fault, nil)
      // The scanner creates the four directories below it.
      if !isRescue, dataDirectory != DataPartition.mountPoint { try Files.makeDirectory(dataDirectory) }
      if !isRescue, sharesData { shareDataDirectory() }
      let megabytes = ((try? DiskSpace(of: DataPartition.mountPoint))?.total ?? 0) / 1_000_000
      console.say("data on \(data.partition.device), \(megabytes) MB")
      return .done
    } catch {
      let isMissing = Partition.named(DataPartition.name).isEmpty
      return isMissing ? .missing(.fault, "\(error)") : .failed(.fault, "\(error)")
    }
  }

  /// On a file system that is read-only the service cannot work anyway.
  private func shareDataDirectory() {
    do throws(Fault) {
      try ManagementService.share(dataDirectory)
    } catch {
      console.say("problem: \(error)")
    }
  }

  /// Grows the partition to the end of the disk. If that fails, the box uses it as it is.
  private func grow(_ data: DataPartition) {
    do throws(Fault) {
      let size = try data.grow()
      try data.growFileSystem(at: DataPartition.mountPoint, to: size, beforeEachStep: keepAlive)
      setProblem(.disk, nil)
    } catch {
      setProblem(.disk, "cannot grow the data partition: \(error)")
    }
  }

  /// Reports a second data partition, which a disk that appeared late may have. The one in use stays in use, because
  /// the box cannot know which was meant.
  func checkForSecondDataPartition() {
    guard hasData else { return }
    do throws(Fault) {
      _ = try Partition.only(DataPartition.name)
    } catch {
      setProblem(.disk, "\(error); using the one that was found first")
    }
  }

  private func configureInterface() -> Attempt {
    guard let interface = settings?.interface else { return .done }
    do throws(Fault) {
      let found = try interface.prepare()
      _ = apply(KernelSetting.hardening(of: interface.name))
      if !leavesLinkDown { try interface.bringUp() }
      device = found
      setProblem(.link, nil)
      let addresses = interface.addresses.map(\.description).joined(separator: ", ")
      console.say("\(interface.name) was \(found), addresses \(addresses)")
      return .done
    } catch {
      return .missing(.link, "\(error)")
    }
  }

  /// Brings the link up. From then on PID 1 does so itself, because no scanner is about to.
  func bringLinkUp() {
    leavesLinkDown = false
    guard device != nil, let interface = settings?.interface else { return }
    do throws(Fault) {
      try interface.bringUp()
    } catch {
      setProblem(.link, "\(error)")
    }
  }

  /// Notes that the NIC has gone, so that it is searched for again.
  func forgetInterface() { device = nil }
}
