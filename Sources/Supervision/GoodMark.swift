// Marks the image as good once it has proven itself, which ends the boot loader's counting of tries.
import BoxAPI
import Init
import Kernel

/// Marks the image once, when the scanner has sent heartbeats for 30 seconds.
struct GoodMark {
  private let boot: Boot
  private var isDone = false
  private var next: UInt64 = 0

  /// In nanoseconds.
  private static let requiredHealthyTime: UInt64 = 30_000_000_000
  /// Exists if the machine was started by UEFI.
  static let firmware = "/sys/firmware/efi"
  /// What reading the EFI variable and renaming on the ESP need.
  static let modules = ["efivarfs", "vfat", "nls_cp437", "nls_ascii"]
  private static let efivars = "/sys/firmware/efi/efivars"
  private static let espMount = "/esp"
  private static let espName = "synbox-esp"

  init(_ boot: Boot) { self.boot = boot }

  /// - Parameter healthy: for how long the scanner has sent heartbeats, in nanoseconds.
  mutating func update(healthy: UInt64, now: UInt64) {
    guard !isDone, healthy >= Self.requiredHealthyTime, now >= next else { return }
    next = now + 60_000_000_000
    do throws(Fault) {
      try apply()
      isDone = true
      boot.setProblem(.image, nil)
    } catch {
      boot.setProblem(.image, "cannot mark this image good: \(error)")
    }
  }

  private func apply() throws(Fault) {
    // Without EFI variables there is no boot loader that counts.
    guard Files.kind(of: Self.firmware) != nil else { return }
    guard let release = boot.release else { throw Fault("\(ImageRelease.path) names no version") }
    let variable = try readVariable()
    let mark = try BootMark.decide(variable: variable, version: release.version) {
      count throws(Fault) in try onESP { esp throws(Fault) in try count.markGood(on: esp) }
    }
    switch mark {
    case .notCounted: boot.console.say("the boot loader did not count this boot")
    case .good(let name): boot.console.say("marked good: \(name)")
    case .other(let version):
      boot.console.say(
        "problem: the boot loader counted version \(version), but this one started; not marked good")
    }
  }

  /// Returns systemd-boot's variable, or nil if it does not exist.
  private func readVariable() throws(Fault) -> [UInt8]? {
    try Mount.attach(
      "efivarfs", at: Self.efivars, type: "efivarfs", [.dataOnly, .readOnly])
    defer { try? Mount.detach(Self.efivars) }
    let path = "\(Self.efivars)/\(BootCount.variable)"
    guard Files.kind(of: path) != nil else { return nil }
    return try Files.read(path, limit: 4096)
  }

  private func onESP(_ body: (String) throws(Fault) -> Void) throws(Fault) {
    let partition = try Partition.only(Self.espName)
    try Mount.attach(
      partition.device, at: Self.espMount, type: "vfat", .dataOnly,
      data: "codepage=437,iocharset=ascii,errors=remount-ro")
    var failed: Fault?
    do throws(Fault) { try body(Self.espMount) } catch { failed = error }
    try Mount.detach(Self.espMount)
    if let failed { throw failed }
  }
}
