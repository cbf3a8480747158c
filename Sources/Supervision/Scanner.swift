// The first service: the scanner, `synbox serve`.
import Init
import Kernel

extension ServiceSpecification {
  /// The scanner of a box with these settings. It drops its privileges itself, after it has opened the NIC.
  package static func scanner(_ settings: BoxSettings, configuration: String) -> Self {
    var output = OutputLimits()
    // A scanner that waits for its log to be read would miss a heartbeat.
    output.bytesPerSecond = 16 << 20
    let gateway = settings.interface.gateway.map { ["--default-route", "\($0)"] } ?? []
    return Self(
      name: "scanner", program: "/bin/synbox",
      // An image limits no locked memory and has Landlock, so a lack of either is a fault of the image. The scan NIC has
      // no other use, and PID 1 moves every other NIC to another namespace.
      arguments: [
        "serve", "--config", configuration, "--heartbeat", "3", "--bring-up",
        "--require-locked-memory", "--require-landlock", "--dedicate-sources",
        "--require-own-namespace",
      ] + gateway,
      drop: .byService, timing: ServiceTiming(heartbeatSeconds: settings.heartbeatSeconds),
      output: output)
  }
}

/// Tells a scanner that was started before the NIC and the data partition are ready how far the boot has come.
final class EarlyScanner {
  private var progress: Descriptor?

  /// Starts the scanner.
  init(_ services: Services, _ scanner: Int, at now: UInt64) throws(Fault) {
    let pipe = try PipeEnds()
    services.start(
      scanner, with: (["--boot-progress", "4"], [pipe.reader.number]), at: now)
    progress = pipe.takeWriter()
  }

  /// Whether it still waits for the NIC or the data partition.
  var isWaiting: Bool { progress != nil }

  func announceInterface() { progress?.write([0x69], within: 0) }

  func announceData() { progress = nil }
}
