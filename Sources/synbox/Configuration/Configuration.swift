// The box's configuration: one TOML file whose keys are the command line's long options.
import Kernel
import NIC
import Plan
import Scan
import Wire

/// What `synbox serve` is told. Target files may override rate, bandwidth, probes, cooldown and ports.
package struct Configuration {
  /// Which NIC profile is applied at start.
  enum Profile: Equatable {
    /// The built-in one of the interface's driver.
    case automatic
    /// A file, or a directory with one for each driver.
    case path(String)
  }

  /// The file's path, for messages and because its directory must stay readable.
  let path: String
  /// The data directory.
  var data: String
  /// nil: the interface is taken as it is.
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
  var lockMemory = MemoryLocking.required
  /// nil: `BoxUser.standard`, where the box is started by root.
  var user: BoxUser?
  /// Percent of the disk that may be full before fetched results are removed; when there are none the box
  /// pauses.
  var diskHighWater = 90
  var scope: ScopeSources

  /// The configuration's keys, in the order in which errors name them.
  static let keys = [
    "data", "interface", "profile", "source-ip", "source-port", "gateway-mac", "transmit", "receive",
    "report", "rst", "rate", "bandwidth", "probes", "cooldown-time", "target-ports", "output-module",
    "output-fields", "probe-options", "sender-threads", "batch", "event-ring", "max-runtime",
    "dedupe-memory", "log", "user", "lock-memory", "disk-high-water",
    "scope",
  ]

  /// The rate that no job exceeds: of rate and bandwidth the lower one; nil when neither is set.
  package var rateLimit: PacketRate? {
    let limits = [rate, bandwidth?.packetRate(frameBytes: probeProfile.frameLength)]
    return limits.compactMap(\.self).min { ($0.perSecond ?? .max) < ($1.perSecond ?? .max) }
  }

  /// What the box reads again while it runs.
  var files: [String] { [path] + scope.files }

  /// Throws a `Fault` unless this process's user may read them, as they are now: else a list that changes would
  /// stop the box.
  func requireReadable() throws(Fault) {
    for file in files where !Files.isUsable(file, for: .read) {
      throw Fault(
        "\(Credentials.current()) may not read \(file)",
        remedy:
          "The box reads it again while it runs: chmod o+r, and o+x on the directories above it, or "
          + "let `user` in the configuration be one who may")
    }
  }

  /// Directories, or files, that must stay readable after the drop so that the configuration can be read
  /// again.
  package var readablePaths: [String] {
    // Where a list is a symbolic link, what it leads to is read.
    let files = files + scope.files.compactMap { Files.resolved($0) }
    return Set(
      files.map { file in
        let parent = Files.parent(of: file)
        // A rule for the root would confine nothing.
        return parent == "/" ? file : parent
      }
    ).sorted()
  }
}

extension Configuration {
  /// Reads the lists that the configuration names. Throws `InputError` for a mistake in a list, and
  /// `ProfileError`, at its key, for a list that cannot be read: without them nothing may be scanned.
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
