// PID 1's messages, on every console of the kernel.
import Kernel
import Support

/// Writes lines that begin with `synbox: `. Drops what a console does not accept within half a second, so that a stuck
/// console cannot delay the boot.
public final class BootConsole {
  private final class Sink {
    let device: Descriptor
    init(_ device: consuming Descriptor) { self.device = device }
  }

  private var sinks: [Sink] = []

  /// Creates a console that writes to standard error until `open` is called.
  public init() {}

  /// Opens every active console. /dev/console would be only the last one on the kernel's command line.
  public func open(sysfs: String = "/sys", devices: String = "/dev") {
    let active = (try? SmallFile.read("\(sysfs)/class/tty/console/active", limit: 1024)) ?? []
    let names = String(decoding: active, as: UTF8.self).split { " \n".contains($0) }
    sinks = names.compactMap { name in
      guard let device = try? Descriptor.console("\(devices)/\(name)") else { return nil }
      return Sink(device)
    }
  }

  /// Writes a line. Escapes control characters, because part of the text may come from a disk.
  public func say(_ text: String) {
    let line = "synbox: \(Escaping.visible(text))\r\n"
    if sinks.isEmpty { return Terminal.error(line) }
    for sink in sinks { sink.device.write(Array(line.utf8), within: 500) }
  }
}
