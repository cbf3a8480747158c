// What differs between machines.

/// A machine that an image can be for, by Debian's name.
enum Architecture: String, CaseIterable {
  case amd64

  /// `e_machine` (elf(5)) of its programs and modules.
  var elfMachine: UInt16 { 62 }
  /// `Machine` of its EFI programs (Microsoft's PE format, section 3.3.1).
  var peMachine: UInt16 { 0x8664 }
  /// The name that the firmware looks for on a disk without boot entries (UEFI 2.10, section 3.5.1.1).
  var fallbackLoader: String { "BOOTX64.EFI" }
  /// systemd-boot's files for it.
  var loader: String { "systemd-bootx64.efi" }
  var stub: String { "linuxx64.efi.stub" }
  var profileStub: String { "addonx64.efi.stub" }

  /// A machine by its number in an ELF header, for messages.
  static func elfName(_ machine: UInt16) -> String {
    [3: "i386", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64"][machine] ?? "machine \(machine)"
  }

  /// A machine by its number in a PE header, for messages.
  static func peName(_ machine: UInt16) -> String {
    [0x14c: "i386", 0x1c4: "arm", 0x8664: "amd64", 0xaa64: "arm64", 0x5064: "riscv64"][machine]
      ?? "machine 0x\(String(machine, radix: 16))"
  }
}
