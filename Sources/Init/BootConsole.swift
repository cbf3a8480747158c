// The box's few plain lines, on every console that the kernel has.
import Kernel

/// Writes lines that begin with `synbox: `. What a console does not take within half a second is lost: nothing
/// waits for it.
public final class BootConsole {
  private final class Sink {
    let device: Descriptor
    init(_ device: consuming Descriptor) { self.device = device }
  }

  private var sinks: [Sink] = []

  /// Before `open` lines go to standard error.
  public init() {}

  /// Opens the consoles that are active: /dev/console alone would be the last one on the kernel's command line.
  public func open(sysfs: String = "/sys", devices: String = "/dev") {
    let active = (try? SmallFile.read("\(sysfs)/class/tty/console/active", limit: 1024)) ?? []
    let names = String(decoding: active, as: UTF8.self).split { " \n".contains($0) }
    sinks = names.compactMap { name in
      guard let device = try? Descriptor.console("\(devices)/\(name)") else { return nil }
      return Sink(device)
    }
  }

  /// What cannot be seen is escaped: part of it may come from a disk.
  public func say(_ text: String) {
    let visible = text.unicodeScalars.map {
      FileName.isVisible($0) ? String($0) : "\\u{\(String($0.value, radix: 16))}"
    }.joined()
    let line = "synbox: \(visible)\r\n"
    if sinks.isEmpty { return Terminal.error(line) }
    for sink in sinks { sink.device.write(Array(line.utf8), within: 500) }
  }
}
