// `synbox version`.
import ArgumentParser
import Kernel

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the versions of synbox and what it was built from.")

  static let number = "0.1.0"

  func run() {
    print("synbox \(Self.number) (\(BuildIdentity.revision))")
    print("Swift \(Self.swiftVersion)")
    print("libbpf \(BuildIdentity.libbpf.drop { $0 == "v" })")
    print("libxdp \(BuildIdentity.libxdp)")
  }

  static var swiftVersion: String {
    #if swift(>=6.4)
      "6.4 or later"
    #elseif swift(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }
}
