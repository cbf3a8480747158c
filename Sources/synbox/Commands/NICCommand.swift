// `synbox nic`: the interface as it is, as its profile wants it, and the way from one to the other.
import ArgumentParser
import Kernel
import NIC

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

struct NICCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nic",
    abstract: "Show, compare or configure the network interface.",
    subcommands: [Show.self, Diff.self, Apply.self])

  struct Options: ParsableArguments {
    @Option(name: .shortAndLong, help: "The interface's name.")
    var interface: String

    @Flag(help: "Print JSON.")
    var json = false
  }

  struct ProfileOptions: ParsableArguments {
    @Option(
      help: """
        A profile (TOML), or a directory with one for each driver and default.toml. \
        Default: the built-in profile of the interface's driver.
        """)
    var profile: String?

    func load(for state: InterfaceState) throws -> InterfaceProfile {
      try Self.load(profile, for: state)
    }

    /// The profile at a path, or the built-in one.
    static func load(_ profile: String?, for state: InterfaceState) throws -> InterfaceProfile {
      guard let profile else { return try BuiltInProfiles.profile(driver: state.driver) }
      if (try? SmallFile.names(in: profile)) != nil {
        return try InterfaceProfile.lookUp(driver: state.driver, in: profile)
      }
      return try InterfaceProfile(path: profile)
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the interface as it is.")
    @OptionGroup var options: Options

    func run() throws {
      let state = try NetworkControl().state(of: options.interface)
      print(options.json ? try json(NICReport(state)) : NICReport(state).text)
    }
  }

  struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what the profile would change. Changes nothing.")
    @OptionGroup var options: Options
    @OptionGroup var profile: ProfileOptions

    func run() throws {
      let state = try NetworkControl().state(of: options.interface)
      let profile = try profile.load(for: state)
      let changes = changes(from: state, to: profile)
      if options.json {
        print(try json(NICDifference(state, profile, changes.map { NICStep($0, reason: nil) })))
      } else if changes.isEmpty {
        print("\(state.name) is as \(profile.source) wants it")
      } else {
        print(changes.map(\.description).joined(separator: "\n"))
      }
    }
  }

  struct Apply: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Configure the interface as the profile wants it, and verify it.")
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
      if report.changes.isEmpty { print("\(state.name) was as \(profile.source) wants it") }
    }
  }
}

/// JSON with snake_case keys in alphabetical order, indented.
private func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
