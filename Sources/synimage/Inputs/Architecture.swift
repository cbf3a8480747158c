// The properties of the machines that an image can be for.

/// A machine by Debian's name.
enum Architecture: String, CaseIterable {
  case amd64

  /// The `e_machine` of programs and modules (elf(5)).
  var elfMachine: UInt16 { 62 }
  /// The `Machine` of EFI programs (Microsoft PE format, section 3.3.1).
  var peMachine: UInt16 { 0x8664 }
  /// The file that the firmware starts from a disk without boot entries (UEFI 2.10, section 3.5.1.1).
  var fallbackLoader: String { "BOOTX64.EFI" }
  /// The files of systemd-boot.
  var loader: String { "systemd-bootx64.efi" }
  var stub: String { "linuxx64.efi.stub" }
  var profileStub: String { "addonx64.efi.stub" }

  /// Returns the name of an `e_machine`, for messages.
  static func elfName(_ machine: UInt16) -> String {
    [3: "i386", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64"][machine] ?? "machine \(machine)"
  }

  /// Returns the name of a PE `Machine`, for messages.
  static func peName(_ machine: UInt16) -> String {
    [0x14c: "i386", 0x1c4: "arm", 0x8664: "amd64", 0xaa64: "arm64", 0x5064: "riscv64"][machine]
      ?? "machine 0x\(String(machine, radix: 16))"
  }
}
