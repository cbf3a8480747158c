// An image that has proven itself is marked as good, so that the boot loader counts its tries no longer.
import Init
import Kernel

/// Once, half a minute after the scanner's heartbeats began.
struct GoodMark {
  private let boot: Boot
  private var isDone = false
  private var next: UInt64 = 0

  private static let proof: UInt64 = 30_000_000_000
  private static let variables = "/sys/firmware/efi/efivars"
  private static let esp = "/esp"
  private static let partition = "synbox-esp"

  init(_ boot: Boot) { self.boot = boot }

  /// - Parameter healthy: for how long the scanner has been; nanoseconds.
  mutating func follow(healthy: UInt64, now: UInt64) {
    guard !isDone, healthy >= Self.proof, now >= next else { return }
    next = now + 60_000_000_000
    do throws(Fault) {
      try apply()
      isDone = true
      boot.note(.image, nil)
    } catch {
      boot.note(.image, "this image cannot be marked as good: \(error)")
    }
  }

  private func apply() throws(Fault) {
    // Started without firmware that keeps variables, and so without a loader that counts.
    guard Files.kind(of: "/sys/firmware/efi") != nil else { return }
    guard let release = boot.release else { throw Fault("\(ImageRelease.path) names no version") }
    let variable = try readVariable()
    let mark = try BootMark.decide(variable: variable, version: release.version) {
      count throws(Fault) in try onESP { esp throws(Fault) in try count.markGood(on: esp) }
    }
    switch mark {
    case .notCounted: boot.console.say("this boot was not counted")
    case .good(let name): boot.console.say("marked as good: \(name)")
    case .other(let version):
      boot.console.say(
        "problem: the boot loader counted version \(version), which did not start; it is not marked")
    }
  }

  /// nil where there is no such variable.
  private func readVariable() throws(Fault) -> [UInt8]? {
    boot.need("efivarfs")
    try Mount.attach(
      "efivarfs", at: Self.variables, type: "efivarfs", [.dataOnly, .readOnly])
    defer { try? Mount.detach(Self.variables) }
    let path = "\(Self.variables)/\(BootCount.variable)"
    guard Files.kind(of: path) != nil else { return nil }
    return try Files.read(path, limit: 4096)
  }

  private func onESP(_ body: (String) throws(Fault) -> Void) throws(Fault) {
    boot.need("vfat", "nls_cp437", "nls_ascii")
    let partition = try Partition.only(Self.partition)
    try Mount.attach(
      partition.device, at: Self.esp, type: "vfat", .dataOnly,
      data: "codepage=437,iocharset=ascii,errors=remount-ro")
    var failed: Fault?
    do throws(Fault) { try body(Self.esp) } catch { failed = error }
    try Mount.detach(Self.esp)
    if let failed { throw failed }
  }
}
