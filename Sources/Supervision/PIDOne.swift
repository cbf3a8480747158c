// PID 1 of the image, from its first mount on. docs/design/boot.md describes each phase and its faults.
import Kernel

/// What `synbox init` does.
public enum PIDOne {
  public struct Options {
    /// Set up the box and mount the data partition read-only, but start no service.
    public var isRescue: Bool
    public var hooks: TestHooks
    /// Returns the data directory that a synbox.toml names, even if the rest of the file is invalid.
    public var dataDirectory: (_ configuration: String) throws -> String

    public init(
      isRescue: Bool, hooks: TestHooks,
      dataDirectory: @escaping (_ configuration: String) throws -> String
    ) {
      self.isRescue = isRescue
      self.hooks = hooks
      self.dataDirectory = dataDirectory
    }
  }

  /// What tests request on the kernel's command line.
  public struct TestHooks {
    /// Failures, in seconds from the scanner's first start.
    public var stopScanner: Int?
    public var stopInit: Int?
    /// Whether to run `ServiceSpecification.listingInterfaces`.
    public var listsInterfaces: Bool

    public init(stopScanner: Int?, stopInit: Int?, listsInterfaces: Bool = false) {
      self.stopScanner = stopScanner
      self.stopInit = stopInit
      self.listsInterfaces = listsInterfaces
    }
  }

  /// Runs the box until the machine is reset.
  public static func run(_ options: Options) throws -> Never {
    let boot = Boot(isRescue: options.isRescue)
    // 1. The kernel's file systems and the consoles.
    boot.required("mounts") { try boot.mountEarly() }
    // 2. The box's identity and configuration.
    boot.required("settings") { try boot.readSettings(dataDirectory: options.dataDirectory) }
    // 3. The kernel settings of a machine that only scans.
    boot.phase("kernel") { boot.tuneKernel() }
    // 4. The hardware watchdog, if there is one.
    boot.phase("watchdog") { boot.armWatchdog() }
    // 5. The scanner, which can read its configuration before it needs the NIC and the data.
    let loop = try MainLoop(boot, hooks: options.hooks)
    loop.startEarly()
    // 6. The scan NIC: load its driver, find and rename it, leave it down.
    boot.phase("interface") { boot.awaitInterface() }
    loop.announceInterface()
    // 7. The data partition: load its driver, check, grow and mount it.
    boot.phase("data") { boot.awaitData() }
    // 8. Supervise the services until the machine is reset; retry phases that failed; load the remaining drivers.
    loop.run()
  }
}
