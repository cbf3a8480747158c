// The state of PID 1 during the boot, and the phases that `PIDOne` runs in order.
import BoxAPI
import Init
import Kernel
import NIC
import Settings

/// One boot, on one thread. A fault that may clear is a problem: it is reported and tried again. Any other ends in
/// `giveUp(_:)`.
final class Boot {
  static let configuration = "/etc/synbox/synbox.toml"
  /// The wait before the box restarts after a fault that ends the boot. The boot loader may then choose an older
  /// image.
  static let secondsToRestart = 60

  let console = BootConsole()
  let isRescue: Bool
  private(set) var times = BootTimes(now: Machine.initStart)
  private(set) var settings: BoxSettings?
  private(set) var release: ImageRelease?
  /// The directory of status.json.
  private(set) var dataDirectory = DataPartition.mountPoint
  var modules: ModuleLoader?
  /// Whether all modules are loaded, including those that the first probe does not need.
  var hasAllModules = false
  private var areModulesClosed = false
  /// The kernel settings that could not be set, each with the reason.
  private var settingFaults: Set<String> = []
  var hasData = false
  var device: NetworkDevice?
  /// Whether the scanner brings up the link of the scan NIC, after attaching its receive program. Most drivers take
  /// the link down and up again to attach a program.
  var leavesLinkDown: Bool
  var watchdog: Watchdog?
  /// The namespace of the services; nil until something needs it.
  private(set) var servicesNetwork: ServicesNetwork?
  var management = ManagementNIC()
  /// Whether a service takes target files and gives back results.
  private(set) var hasManagementService = false
  /// Whether an agent works for a fleet.
  private(set) var hasAgent = false
  /// Whether a service of another user works in the data directory.
  var sharesData: Bool { hasManagementService || hasAgent }
  /// The current problems, each one sentence.
  private(set) var problems: [ProblemKind: String] = [:]

  init(isRescue: Bool) {
    self.isRescue = isRescue
    leavesLinkDown = !isRescue
  }

  // MARK: Phases and their faults

  /// Runs a phase without which the box cannot work.
  func required(_ name: String, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      giveUp("\(error)")
    }
    end(name)
  }

  /// Runs a phase that reports its own problems.
  func phase(_ name: String, _ body: () -> Void) {
    keepAlive()
    body()
    end(name)
  }

  func end(_ name: String) {
    let now = Clock.boottime
    times.end(name, at: now)
    console.say("\(formattedSeconds(now)) \(name)")
  }

  /// Reports a fault that ends the boot, waits, and restarts the machine. A rescue boot waits forever, because
  /// there is nothing left to fall back on.
  func giveUp(_ fault: String) -> Never {
    console.say("problem: \(fault)")
    if isRescue {
      console.say("rescue: waiting for an operator")
    } else {
      console.say("nothing is scanned; restarting in \(Self.secondsToRestart) s")
    }
    var remaining = Self.secondsToRestart
    while isRescue || remaining > 0 {
      keepAlive()
      pause(milliseconds: 1000)
      remaining -= 1
    }
    Machine.flush()
    try? Machine.end(.restart)
    while true { pause(milliseconds: 1000) }
  }

  /// Records a problem, or with nil that it is gone, and reports any change on the console.
  func setProblem(_ kind: ProblemKind, _ problem: String?) {
    guard problems[kind] != problem else { return }
    problems[kind] = problem
    console.say(problem.map { "problem: \($0)" } ?? "problem solved: \(kind)")
  }

  func keepAlive() { watchdog?.keepAlive() }

  // MARK: The phases

  func mountEarly() throws {
    try EarlyMounts.attach()
    Descriptor.openStandard()
    console.open()
    let versions = Versions.current()
    release = try? ImageRelease(path: ImageRelease.path)
    let image = release.map { ", image \($0.version)" } ?? ", image without os-release"
    console.say("synbox \(versions.version) (\(versions.revision))\(image), Linux \(versions.kernel)")
    for parameter in InitArguments(CommandLine.arguments.dropFirst()).kernelParameters {
      console.say("problem: unknown kernel parameter \(TOMLValue.quoted(parameter))")
    }
    // Ctrl-Alt-Del becomes a signal to PID 1, so that it ends the box in good order.
    try? Machine.disableControlAltDelete()
  }

  /// - Parameter dataDirectory: reads the data directory from a synbox.toml.
  func readSettings(dataDirectory read: (_ configuration: String) throws -> String) throws {
    let settings = try BoxSettings(path: BoxSettings.path)
    self.settings = settings
    try? Machine.setName(settings.name)
    hasManagementService = settings.management != nil && ManagementService.isPresent
    hasAgent = settings.management != nil && FleetAgent.isPresent
    // What the scanner makes, the services' group may change: they mark results as fetched.
    if sharesData { Files.setCreationMask(0o002) }
    console.say("this is \(settings.name)\(isRescue ? ", in rescue mode: nothing is scanned" : "")")
    // The scanner reports any other mistake in the file.
    guard let data = try? read(Self.configuration) else { return }
    guard DataPartition.holds(data) else {
      throw Fault(
        "\(Self.configuration): data = \"\(data)\" is not on the data partition",
        remedy: "Set it to \(DataPartition.mountPoint) or a directory below")
    }
    dataDirectory = data
    let directory = "/lib/modules/\(Versions.current().kernel)"
    let index = try ModuleIndex(directory: directory)
    for fault in index.faults { console.say("problem: \(fault)") }
    modules = ModuleLoader(index, directory: directory)
  }

  /// Sets rcu_expedited, because waiting for an RCU grace period, as the generator does at each tick, then takes less
  /// than 1 ms instead of 25; and what makes the kernel of a box harder to attack.
  func tuneKernel() {
    let path = "/sys/kernel/rcu_expedited"
    do throws(Errno) {
      try SmallFile.write("1", to: path)
    } catch {
      console.say("problem: cannot set \(path) to 1: \(error)")
    }
    let inForce = apply(KernelSetting.hardening)
    console.say("\(inForce) kernel settings in force")
  }

  /// Applies kernel settings. Returns how many are in force; the others become a problem.
  func apply(_ settings: [KernelSetting]) -> Int { report(KernelSetting.apply(settings)) }

  func report(_ result: (inForce: Int, faults: [Fault])) -> Int {
    let (inForce, faults) = result
    settingFaults.formUnion(faults.map(\.description))
    setProblem(.kernel, settingFaults.isEmpty ? nil : settingFaults.sorted().joined(separator: "; "))
    return inForce
  }

  /// Returns the network namespace of the services, and makes it when it is first needed.
  func networkOfServices() throws(Fault) -> ServicesNetwork {
    if let servicesNetwork { return servicesNetwork }
    let made = try ServicesNetwork()
    servicesNetwork = made
    let inForce = report(made.settings)
    console.say(
      "the services have a network namespace of their own, \(inForce) kernel settings in force")
    return made
  }

  /// Lets nobody load a module any more, once everything that needs one is there.
  func closeModules() {
    guard !areModulesClosed, hasAllModules, hasData, device != nil else { return }
    areModulesClosed = true
    if apply([.modulesDisabled]) > 0 { console.say("no further module can be loaded") }
  }
}
