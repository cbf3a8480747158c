// `synbox nic`: shows a NIC's settings, compares them with its profile, and applies the profile.
import ArgumentParser
import Kernel
import NIC

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

struct NICCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nic",
    abstract: "Show a NIC's settings, compare them with its profile, or apply the profile.",
    subcommands: [Show.self, Diff.self, Apply.self])

  struct Options: ParsableArguments {
    @Option(name: .shortAndLong, help: "Interface.")
    var interface: String

    @Flag(help: "Print JSON.")
    var json = false
  }

  struct ProfileOptions: ParsableArguments {
    @Option(
      help: """
        NIC profile (TOML), or a directory with DRIVER.toml files and default.toml. \
        (default: the built-in profile of the interface's driver)
        """)
    var profile: String?

    func load(for state: InterfaceState) throws -> InterfaceProfile {
      try Self.load(profile, for: state)
    }

    /// Loads the profile at a path, or the built-in one if `profile` is nil.
    static func load(_ profile: String?, for state: InterfaceState) throws -> InterfaceProfile {
      guard let profile else { return try BuiltInProfiles.profile(driver: state.driver) }
      if (try? SmallFile.names(in: profile)) != nil {
        return try InterfaceProfile.lookUp(driver: state.driver, in: profile)
      }
      return try InterfaceProfile(path: profile)
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a NIC's current settings.")
    @OptionGroup var options: Options

    func run() throws {
      let state = try NetworkControl().state(of: options.interface)
      print(options.json ? try json(NICReport(state)) : NICReport(state).text)
    }
  }

  struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what the NIC profile would change, without changing it.")
    @OptionGroup var options: Options
    @OptionGroup var profile: ProfileOptions

    func run() throws {
      let state = try NetworkControl().state(of: options.interface)
      let profile = try profile.load(for: state)
      let changes = changes(from: state, to: profile)
      if options.json {
        print(try json(NICDifference(state, profile, changes.map { NICStep($0, reason: nil) })))
      } else if changes.isEmpty {
        print("\(state.name) already matches \(profile.source)")
      } else {
        print(changes.map(\.description).joined(separator: "\n"))
      }
    }
  }

  struct Apply: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Apply the NIC profile, and verify the result.")
    @OptionGroup var options: Options
    @OptionGroup var profile: ProfileOptions

    func run() throws {
      let control = try NetworkControl()
      let state = try control.state(of: options.interface)
      let profile = try profile.load(for: state)
      let report = try control.apply(profile, to: state)
      if options.json {
        print(try json(NICOutcome(report, profile)))
        return
      }
      for change in report.changes { print("changed   \(change)") }
      for deviation in report.deviations { print("deviation \(deviation)") }
      if report.changes.isEmpty { print("\(state.name) already matches \(profile.source)") }
    }
  }
}

/// Returns indented JSON with snake_case keys in alphabetical order.
private func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
