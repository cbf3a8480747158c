// `synbox init`: PID 1 of the image. docs/design/boot.md describes each phase and its faults.
import ArgumentParser
import Init
import Kernel

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Run as PID 1 of the image: set up the box, then supervise `synbox serve`.")

  @Flag(help: "Set up the box and mount the data partition read-only, but do not scan.")
  var rescue = false

  @Option(help: ArgumentHelp("Stop the scanner once, after this many seconds.", visibility: .hidden))
  var testStopScanner: Int?

  @Option(help: ArgumentHelp("Hang after this many seconds.", visibility: .hidden))
  var testStopInit: Int?

  func run() throws {
    guard processID() == 1 else {
      throw Fault(
        "synbox init runs only as PID 1 of a box",
        remedy: "On a running host, use `synbox serve --config synbox.toml`")
    }
    let boot = Boot(isRescue: rescue)
    // 1. The kernel's file systems and the consoles.
    boot.required("mounts") { try boot.mountEarly() }
    // 2. The box's identity and configuration.
    boot.required("settings") { try boot.readSettings() }
    // 3. The kernel settings of a machine that only scans.
    boot.phase("kernel") { boot.tuneKernel() }
    // 4. The hardware watchdog, if there is one.
    boot.phase("watchdog") { boot.armWatchdog() }
    // 5. The scanner, which can read its configuration before it needs the NIC and the data.
    let supervisor = try ServiceSupervisor(
      boot, hooks: ServiceSupervisor.TestHooks(stopScanner: testStopScanner, stopInit: testStopInit))
    supervisor.startEarly()
    // 6. The scan NIC: load its driver, find and rename it, leave it down.
    boot.phase("interface") { boot.awaitInterface() }
    supervisor.announceInterface()
    // 7. The data partition: load its driver, check, grow and mount it.
    boot.phase("data") { boot.awaitData() }
    // 8. Supervise the scanner until the machine is reset; retry phases that failed; load the remaining drivers.
    supervisor.run()
  }
}
