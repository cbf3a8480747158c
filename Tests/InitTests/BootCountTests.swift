// Boot counting: parsing the counter, and marking a UKI good.
import Foundation
import Init
import Kernel
import LabSupport
import Testing

/// Encodes a variable as efivarfs does: attributes, then UTF-16LE with a terminating NUL.
private func variable(_ path: String) -> [UInt8] {
  [6, 0, 0, 0] + (Array(path.utf16) + [0]).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
}

@Suite(.timeLimit(.minutes(5))) struct `The boot counter` {
  @Test func `is parsed from its EFI variable`() throws {
    let count = try BootCount(variable: variable(#"\EFI\Linux\synbox_4+2-1.efi"#))
    #expect(count.version == "4")
    #expect(count.file == "synbox_4+2-1.efi")
    #expect(count.goodName == "synbox_4.efi")
    #expect(try BootCount(path: #"\efi\linux\synbox_1.2~rc3+003.efi"#).version == "1.2~rc3")
    #expect(try BootCount(path: #"\EFI\Linux\synbox_1+0-3.efi"#).goodName == "synbox_1.efi")
  }

  @Test(arguments: [
    #"\EFI\Linux\synbox_4.efi"#, #"\EFI\Linux\synbox_4+x.efi"#, #"\EFI\Linux\synbox_4+1-2-3.efi"#,
    #"\EFI\Linux\synbox_+1.efi"#, #"\EFI\Linux\synbox_.+1.efi"#, #"\EFI\Linux\other_4+1.efi"#,
    #"\EFI\Linux\synbox_4+1.bin"#, #"\EFI\BOOT\synbox_4+1.efi"#, #"\EFI\Linux\..\synbox_4+1.efi"#,
    #"\EFI\Linux\synbox_../../x+1.efi"#, #"EFI\Linux\synbox_4+1.efi"#, "", #"\"#,
    "\\EFI\\Linux\\synbox_4\n+1.efi", #"\EFI\Linux\synbox_4+99999999999.efi"#,
  ])
  func `is rejected if it is not in a UKI's file name`(path: String) {
    #expect(throws: Fault.self) { try BootCount(path: path) }
    #expect(throws: Fault.self) { try BootCount(variable: variable(path)) }
  }

  @Test func `is rejected if the variable is truncated or not text`() {
    let whole = variable(#"\EFI\Linux\synbox_4+1.efi"#)
    for length in 0..<whole.count {
      #expect(throws: Fault.self) { try BootCount(variable: Array(whole.prefix(length))) }
    }
    var lone = whole
    lone[5] = 0xd8
    #expect(throws: Fault.self) { try BootCount(variable: lone) }
    #expect(throws: Fault.self) { try BootCount(variable: whole + whole.dropFirst(4)) }
  }

  @Test func `is removed only if the running image is the counted one`() throws {
    var renames = 0
    func decide(_ variable: [UInt8]?, _ version: String) throws -> BootMark {
      try BootMark.decide(variable: variable, version: version) { _ in renames += 1 }
    }
    let counted = variable(#"\EFI\Linux\synbox_2+2-1.efi"#)
    #expect(try decide(nil, "2") == .notCounted)
    #expect(try decide(counted, "1") == .other("2"))
    #expect(renames == 0)
    #expect(try decide(counted, "2") == .good("synbox_2.efi"))
    #expect(renames == 1)
  }

  @Test func `is removed from the file name, even if that was done before`() throws {
    let esp = try Lab.temporaryDirectory()
    let linux = "\(esp)/EFI/Linux"
    try FileManager.default.createDirectory(atPath: linux, withIntermediateDirectories: true)
    try Files.write("\(linux)/synbox_2+2-1.efi", [1, 2, 3], durable: false)
    try Files.write("\(linux)/synbox_1.efi", [9], durable: false)
    let count = try BootCount(path: #"\EFI\Linux\synbox_2+2-1.efi"#)
    for _ in 0..<2 {
      try count.markGood(on: esp)
      #expect(try Files.entries(of: linux).map(\.description) == ["synbox_1.efi", "synbox_2.efi"])
      #expect(try Files.read("\(linux)/synbox_2.efi") == [1, 2, 3])
    }
    try Files.write("\(linux)/synbox_2+2-1.efi", [4], durable: false)
    #expect(throws: Fault.self) { try count.markGood(on: esp) }
    #expect(try Files.read("\(linux)/synbox_2.efi") == [1, 2, 3])
  }

  @Test func `is compared with the version in os-release`() throws {
    func version(_ text: String) throws -> String {
      try ImageRelease(Array(text.utf8), file: "os-release").version
    }
    #expect(try version("ID=synbox\nIMAGE_VERSION=7\nVERSION_ID=6\n") == "7")
    #expect(try version("VERSION_ID=\"6\"\n") == "6")
    for text in ["", "IMAGE_VERSION=\n", "IMAGE_VERSION=../1\n", "IMAGE_VERSION=1 2\n"] {
      #expect(throws: Fault.self) { try version(text) }
    }
  }
}
