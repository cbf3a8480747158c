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
  private(set) var times = BootTimes(now: Machine.initStart)
  private(set) var settings: BoxSettings?
  private(set) var release: ImageRelease?
  /// Where status.json goes.
  private(set) var dataDirectory = Boot.dataMount
  var modules: ModuleLoader?
  /// Whether the modules that are not needed for the first probe are loaded too.
  var hasAllModules = false
  var hasData = false
  var device: NetworkDevice?
  /// Whether the scan NIC's link is left down for the scanner, which attaches its program first: most drivers take a
  /// link that is up down and up again for that.
  var leavesLinkDown: Bool
  var watchdog: Watchdog?
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
    console.say("\(formattedSeconds(now)) \(name)")
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
    for word in InitArguments(CommandLine.arguments.dropFirst()).kernelParameters {
      console.say("problem: the kernel does not know its parameter \(TOMLDocument.shown(word))")
    }
    // The keys to restart a box are its console's; they are to end it in good order.
    try? Machine.disableControlAltDelete()
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

  /// rcu_expedited: what waits for the kernel's readers, as the generator does at each tick, waits less than a
  /// millisecond instead of 25; so does what loads modules. panic_on_oops: a kernel that is no longer sound is one that
  /// restarts.
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
