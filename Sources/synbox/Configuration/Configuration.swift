// The scanner's configuration, synbox.toml. Its keys are named after the command line's long options.
import Kernel
import NIC
import Plan
import Scan
import Wire

/// The configuration of `synbox serve`. Target files may override the rate, bandwidth, probes, cooldown and ports.
package struct Configuration {
  /// The NIC profile to apply at start.
  enum Profile: Equatable {
    /// The built-in profile of the interface's driver.
    case automatic
    /// A file, or a directory with a file for each driver.
    case path(String)
  }

  /// The path of the file, used in messages and to read it again.
  let path: String
  /// The data directory.
  var data: String
  /// nil leaves the interface as it is.
  var profile: Profile?
  var station: StationSettings
  var rate: PacketRate?
  var bandwidth: Bandwidth?
  var probes = ProbeCount.one
  var cooldown: Duration = .seconds(8)
  var targetPorts: PortSet?
  var format = OutputFormat.csv
  var fields = ResultField.standard
  var probeProfile = ProbeProfile.smallest
  var maxRuntime: Duration?
  var dedupeMemory = DedupeMemory.standard
  var log = LogTarget.standardError
  /// nil leaves the choice to whoever starts the box: required in the image, wanted elsewhere.
  var lockMemory: MemoryLocking?
  /// nil means `BoxUser.standard` if root starts the box.
  var user: BoxUser?
  /// The high-water mark of the disk, in percent. Above it, fetched results are removed; if there are none, the box
  /// pauses.
  var diskHighWater = 90
  var scope: ScopeSources

  /// The keys of the configuration, in the order in which errors list them.
  package enum Key: String, CaseIterable, Sendable {
    case data, interface, profile
    case sourceIP = "source-ip"
    case sourcePort = "source-port"
    case gatewayMAC = "gateway-mac"
    case transmit, receive, report, rst, rate, bandwidth, probes
    case cooldownTime = "cooldown-time"
    case targetPorts = "target-ports"
    case outputModule = "output-module"
    case outputFields = "output-fields"
    case probeOptions = "probe-options"
    case senderThreads = "sender-threads"
    case batch
    case eventRing = "event-ring"
    case maxRuntime = "max-runtime"
    case dedupeMemory = "dedupe-memory"
    case log, user
    case lockMemory = "lock-memory"
    case diskHighWater = "disk-high-water"
    case scope
  }

  /// The rate that no job may exceed: the lower of rate and bandwidth, or nil if neither is set.
  package var rateLimit: PacketRate? {
    let limits = [rate, bandwidth?.packetRate(frameBytes: probeProfile.frameLength)]
    return limits.compactMap(\.self).min { ($0.perSecond ?? .max) < ($1.perSecond ?? .max) }
  }

  /// The files that the box reads again while it runs.
  var files: [String] { [path] + scope.files }

  /// Checks that this process's user may read `files`. Otherwise the first change of a scope list would pause the
  /// box.
  func requireReadable() throws(Fault) {
    for file in files where !Files.isUsable(file, for: .read) {
      throw Fault(
        "\(Credentials.current()) may not read \(file)",
        remedy:
          "The box reads it again while it runs: chmod o+r it and o+x the directories above it, or set "
          + "`user` in the configuration to one that may read it")
    }
  }

  /// The directories and files that must stay readable after privileges are dropped, so that the configuration can
  /// be read again.
  package var readablePaths: [String] {
    // If a list is a symbolic link, its target is read.
    let files = files + scope.files.compactMap { Files.resolved($0) }
    // A Landlock rule for the root directory, under whatever name, would confine nothing.
    func isRoot(_ path: String) -> Bool { (Files.resolved(path) ?? path) == "/" }
    return Set(
      files.compactMap { file in
        if isRoot(file) { return nil }
        let parent = Files.parent(of: file)
        return isRoot(parent) ? file : parent
      }
    ).sorted()
  }
}

extension Configuration {
  /// Reads the scope lists.
  ///
  /// - Throws: `InputError` for a mistake in a list; `ProfileError`, at the list's key, if it cannot be read.
  func readScope() throws -> ScopeInForce {
    do {
      return try scope.read(ScopeSources.regularFile)
    } catch let list as UnreadableList {
      let document = try TOMLDocument(
        try Files.read(path), file: path, maximumSize: Self.maximumSize)
      throw document.error(
        at: ["scope", list.key], found: list.found, expected: UnreadableList.expected)
    }
  }
}
