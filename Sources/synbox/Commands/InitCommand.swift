// `synbox init`: PID 1 of the image. docs/design/boot.md says what each phase does and what becomes of its faults.
import ArgumentParser
import Init
import Kernel

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "PID 1 of the image: bring the box up, run `synbox serve`, never end.")

  @Flag(help: "Bring everything up, mount the data read-only, scan nothing.")
  var rescue = false

  @Option(help: ArgumentHelp("Stop the scanner after so many seconds, once.", visibility: .hidden))
  var testStopScanner: Int?

  @Option(help: ArgumentHelp("Do nothing any more after so many seconds.", visibility: .hidden))
  var testStopInit: Int?

  func run() throws {
    guard processID() == 1 else {
      throw Fault(
        "synbox init is the first process of a box, with the process id 1",
        remedy: "On a host that runs already: synbox serve --config PATH")
    }
    let boot = Boot(isRescue: rescue)
    // 1. The kernel's own file systems; the consoles.
    boot.required("mounts") { try boot.mountEarly() }
    // 2. Who this box is, and what it is told.
    boot.required("settings") { try boot.readSettings() }
    // 3. What a box that owns its kernel sets.
    boot.phase("kernel") { boot.tuneKernel() }
    // 4. From here on the hardware watches us, if it can.
    boot.phase("watchdog") { boot.armWatchdog() }
    // 5. The scanner, which has enough to do until it needs what comes next.
    let supervisor = try ServiceSupervisor(
      boot, hooks: ServiceSupervisor.TestHooks(stopScanner: testStopScanner, stopInit: testStopInit))
    supervisor.startEarly()
    // 6. The scan NIC: its driver; found, named, still down.
    boot.phase("interface") { boot.awaitInterface() }
    supervisor.announceInterface()
    // 7. Where the spool and the results are: the disk's driver; looked at, grown, mounted.
    boot.phase("data") { boot.awaitData() }
    // 8. The scanner, watched, for ever; what was missing above is tried again, other hardware's drivers are loaded.
    supervisor.run()
  }
}
