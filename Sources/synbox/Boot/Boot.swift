// The box on its way up: what PID 1 knows, and the phases that `InitCommand` puts in order.
import Init
import Kernel
import NIC

/// One thread, one boot. What can be mended by itself is a problem that is said and tried again; what cannot ends
/// in `giveUp`.
final class Boot {
  static let configuration = "/etc/synbox/synbox.toml"
  static let dataMount = "/data"
  /// After a fault that this image cannot get over the box starts again after so many seconds: the boot loader
  /// may have an older image.
  static let secondsToRestart = 60

  let console = BootConsole()
  let isRescue: Bool
  private(set) var times = BootTimes(now: Clock.boottime)
  private(set) var settings: BoxSettings?
  private(set) var release: ImageRelease?
  /// Where status.json goes.
  private(set) var dataDirectory = Boot.dataMount
  private(set) var modules: ModuleLoader?
  private(set) var hasData = false
  private(set) var device: NetworkDevice?
  /// Whether the scan NIC's link is left down for the scanner, which attaches its program first: most drivers take a
  /// link that is up down and up again for that.
  private(set) var leavesLinkDown: Bool
  private var watchdog: Watchdog?
  /// What is wrong, a sentence each.
  private(set) var problems: [BoxStatus.Concern: String] = [:]

  init(isRescue: Bool) {
    self.isRescue = isRescue
    leavesLinkDown = !isRescue
  }

  // MARK: Phases and their faults

  /// A phase whose fault the box cannot get over.
  func required(_ name: String, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      giveUp("\(error)")
    }
    end(name)
  }

  /// A phase that says itself what is wrong.
  func phase(_ name: String, _ body: () -> Void) {
    keepAlive()
    body()
    end(name)
  }

  func end(_ name: String) {
    let now = Clock.boottime
    times.end(name, at: now)
    console.say("\(seconds(now)) \(name)")
  }

  /// Says it, waits, and starts the machine again. In rescue it waits for ever: there is nothing further to fall
  /// back on.
  func giveUp(_ why: String) -> Never {
    console.say("problem: \(why)")
    if isRescue {
      console.say("rescue: waiting for somebody to look")
    } else {
      console.say("nothing is scanned; the box starts again in \(Self.secondsToRestart) s")
    }
    var left = Self.secondsToRestart
    while isRescue || left > 0 {
      keepAlive()
      pause(milliseconds: 1000)
      left -= 1
    }
    Machine.flush()
    try? Machine.end(.restart)
    while true { pause(milliseconds: 1000) }
  }

  /// Notes what is wrong, or that it no longer is; what is new is said.
  func note(_ concern: BoxStatus.Concern, _ problem: String?) {
    guard problems[concern] != problem else { return }
    problems[concern] = problem
    console.say(problem.map { "problem: \($0)" } ?? "no longer a problem: \(concern)")
  }

  func keepAlive() { watchdog?.keepAlive() }

  // MARK: The phases

  func mountEarly() throws {
    try EarlyMounts.attach()
    Descriptor.openStandard()
    console.open()
    let versions = Versions()
    release = try? ImageRelease(path: ImageRelease.path)
    let image = release.map { ", image \($0.version)" } ?? ", image without os-release"
    console.say("synbox \(versions.number) (\(versions.revision))\(image), Linux \(versions.kernel)")
    // The keys to restart a box are its console's; they are to end it in good order.
    try? Machine.takeControlAltDelete()
  }

  func readSettings() throws {
    let settings = try BoxSettings(path: BoxSettings.path)
    self.settings = settings
    try? Machine.setName(settings.name)
    console.say("this is \(settings.name)\(isRescue ? ", in rescue: nothing is scanned" : "")")
    // What else may be wrong in it the scanner says.
    guard let data = try? Configuration.dataDirectory(path: Self.configuration) else { return }
    guard Self.isOnDataPartition(data) else {
      throw Fault(
        "\(Self.configuration) has data = \"\(data)\", which is not on the data partition",
        remedy: "Make it \(Self.dataMount), or a directory below")
    }
    dataDirectory = data
    let directory = "/lib/modules/\(Versions().kernel)"
    let index = try ModuleIndex(directory: directory)
    for fault in index.faults { console.say("problem: \(fault)") }
    modules = ModuleLoader(index, directory: directory)
  }

  static func isOnDataPartition(_ path: String) -> Bool {
    path == dataMount
      || path.hasPrefix(dataMount + "/") && !path.split(separator: "/").contains("..")
  }

  func armWatchdog() {
    guard let seconds = settings?.watchdogSeconds, seconds > 0 else {
      return console.say("no watchdog is wanted")
    }
    // The hardware's before that of the kernel's own timers, which only [modules] can ask for. Intel's hangs on the chip
    // set's own drivers.
    let kinds = ["/drivers/watchdog/", "/drivers/mfd/", "/drivers/i2c/"]
    say(modules?.loadForHardware { file in kinds.contains { file.contains($0) } })
    for name in settings?.modules ?? [] where modules?.file(of: name)?.contains("/watchdog/") == true {
      say(modules?.load(name))
    }
    do throws(Errno) {
      let watchdog = try Watchdog("/dev/watchdog", seconds: seconds)
      let time = watchdog.hasTime ? "\(watchdog.seconds) s" : "its own time"
      console.say("watchdog \(watchdog.name), \(time)")
      self.watchdog = consume watchdog
    } catch {
      note(
        .watchdog, "there is no watchdog (/dev/watchdog: \(error.message)): a box that hangs stays so")
    }
  }

  func loadModules() {
    say(modules?.loadForHardware())
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

  /// rcu_expedited: what waits for the kernel's readers, as the generator does at each tick, waits less than a
  /// millisecond instead of 25. panic_on_oops: a kernel that is no longer sound is one that restarts.
  func tuneKernel() {
    for (path, value) in [("/sys/kernel/rcu_expedited", "1"), ("/proc/sys/kernel/panic_on_oops", "1")] {
      do throws(Errno) {
        try SmallFile.write(value, to: path)
      } catch {
        console.say("problem: cannot set \(path) to \(value): \(error)")
      }
    }
  }
}

// MARK: - What may come later

extension Boot {
  /// Disks show themselves when their controllers have looked for them.
  private static let patience = 10_000

  func awaitData() {
    need("ext4")
    attempt(for: Self.patience, mountData)
  }

  func awaitInterface() {
    attempt(for: Self.patience / 2, configureInterface)
  }

  /// Tries until it is done, or until it has become a problem that time alone does not solve.
  private func attempt(for milliseconds: Int, _ attempt: () -> Attempt) {
    let deadline = Clock.boottime + UInt64(milliseconds) * 1_000_000
    while true {
      switch attempt() {
      case .done: return
      case .failed(let concern, let why): return note(concern, why)
      case .missing(let concern, let why):
        guard Clock.boottime < deadline else { return note(concern, why) }
      }
      keepAlive()
      pause(milliseconds: 50)
      say(modules?.loadForHardware())
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
    say(modules?.loadForHardware())
    for attempt in [hasData ? .done : mountData(), device != nil ? .done : configureInterface()] {
      switch attempt {
      case .done: break
      case .missing(let concern, let why), .failed(let concern, let why): note(concern, why)
      }
    }
  }

  private func mountData() -> Attempt {
    do throws(Fault) {
      let data = try DataPartition.find(mending: !isRescue)
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
      try data.growFileSystem(at: Self.dataMount, to: size, meanwhile: keepAlive)
      note(.disk, nil)
    } catch {
      note(.disk, "the data partition cannot be grown: \(error)")
    }
  }

  private func configureInterface() -> Attempt {
    guard let interface = settings?.interface else { return .done }
    do throws(Fault) {
      let found = try interface.prepare()
      applyProfile(to: interface.name)
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

  /// Rings and channels as the scanner's configuration wants them, while the link is down: a driver that changes
  /// them later takes it down for seconds. The scanner looks again, and says what is not as it should be.
  private func applyProfile(to name: String) {
    guard let profile = (try? Configuration(path: Self.configuration))?.profile else { return }
    do {
      let control = try NetworkControl()
      _ = try control.apply(try profile.load(for: try control.state(of: name)), to: name)
    } catch {
      console.say("problem: \(error)")
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
