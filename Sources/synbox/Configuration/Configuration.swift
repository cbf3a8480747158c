// The scanner's configuration, synbox.toml. ConfigurationSettings.swift has its keys.
import Engine
import Kernel
import Plan
import Scan
import Settings
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
  var path: String { document.file }
  /// The file's contents, for the places of later errors.
  private let document: TOMLDocument
  /// The data directory.
  var data: String
  /// nil leaves the interface as it is.
  var profile: Profile?
  var station: StationSettings
  var rate: PacketRate?
  var bandwidth: BandwidthLimit?
  var probes = ProbeCount.one
  var cooldown: Duration = .seconds(8)
  var targetPorts: PortSet?
  var format = OutputFormat.csv
  var fields = ResultField.standard
  var probeProfile = ProbeProfile.smallest
  var paceInterval = PaceInterval.standard
  var onOverload = OverloadChoice.slow
  /// 0 is no limit.
  var maxRuntime: Duration = .seconds(30 * 86_400)
  /// What target files may ask for at most.
  var maxCooldown: Duration = .seconds(300)
  var maxProbes = ProbeCount(16)
  /// Probes per second to one address, on average over the job.
  var maxTargetRate = PacketRate(1000)
  /// nil allows all.
  var allowPorts: PortSet?
  /// What reading and planning a target file may take, in bytes. Found out at the start, because the confined box may not
  /// ask for the machine's memory.
  let planMemory = PlanWatch.standardMemory
  var dedupeMemory = DedupeMemory.standard
  var log = LogTarget.standardError
  /// nil leaves the choice to whoever starts the box: required in the image, wanted elsewhere.
  var lockMemory: MemoryLocking?
  /// nil means `BoxUser.standard` if root starts the box.
  var user: BoxUser?
  /// The licence of a fleet's box, relative to the data directory; nil if it needs none.
  var licence: String?
  /// The high-water mark of the disk, in percent. Above it, fetched results are removed; if there are none, the box
  /// pauses.
  var diskHighWater = 90
  /// The most bytes that the files in the spool may have together; nil for a quarter of the disk.
  var maxSpool: MemorySize?
  var scope: ScopeSources

  /// Returns the rate that no job may exceed: the lower of rate and bandwidth, or the default rate if neither is set.
  ///
  /// - Parameter linkSpeed: bits per second; nil if the driver reports none.
  /// - Throws: A `Fault` if `bandwidth` is a percentage of an unknown speed.
  package func rateLimit(linkSpeed: UInt64?) throws(Fault) -> PacketRate {
    let limits = [
      rate,
      try bandwidth?.required(linkSpeed: linkSpeed).packetRate(frameBytes: probeProfile.frameLength),
    ]
    return limits.compactMap(\.self).min { ($0.perSecond ?? .max) < ($1.perSecond ?? .max) } ?? .default
  }

  /// `max-runtime`; nil if there is no limit.
  var runtimeLimit: Duration? { maxRuntime == .zero ? nil : maxRuntime }

  /// The most bytes that the files in the spool may have together.
  func spoolBytes(on disk: DiskSpace) -> UInt64 { maxSpool?.bytes ?? disk.total / 4 }

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

  /// The licence's path; nil if none is needed.
  var licencePath: String? {
    licence.map { $0.hasPrefix("/") ? $0 : "\(data)/\($0)" }
  }

  /// The licence, unless its directory is in the data directory, which is readable anyway and in which the agent may make
  /// it later.
  private var licenceFiles: [String] {
    guard let licencePath, !Files.parent(of: licencePath).hasPrefix("\(data)/") else { return [] }
    return [licencePath]
  }

  /// The directories and files that must stay readable after privileges are dropped, so that the configuration can
  /// be read again.
  package var readablePaths: [String] {
    // If a list is a symbolic link, its target is read.
    let files = files + scope.files.compactMap { Files.resolved($0) }
    // A Landlock rule for the root directory, under whatever name, would confine nothing.
    func isRoot(_ path: String) -> Bool { (Files.resolved(path) ?? path) == "/" }
    return Set(
      (files + licenceFiles).compactMap { file in
        if isRoot(file) { return nil }
        let parent = Files.parent(of: file)
        return isRoot(parent) ? file : parent
      }
    ).sorted()
  }
}

extension BandwidthLimit {
  /// Returns the bandwidth on a link.
  ///
  /// - Throws: A `Fault` if that depends on its speed, which is unknown.
  func required(linkSpeed: UInt64?) throws(Fault) -> Bandwidth {
    guard let bandwidth = bandwidth(linkSpeed: linkSpeed) else {
      throw Fault(
        "the NIC reports no speed of its link, so that \(self) of it is unknown",
        remedy: "Give the bandwidth in bits per second, such as 950M")
    }
    return bandwidth
  }
}

extension Configuration {
  /// Bytes.
  static let maximumSize = 1 << 20

  /// Reads a configuration.
  ///
  /// - Throws: `InputError` for a mistake in the file, `Fault` if it cannot be read.
  init(path: String) throws {
    try self.init(try Files.read(path, limit: Self.maximumSize), path: path)
  }

  /// Reads a configuration from bytes.
  ///
  /// - Parameter path: names the file in errors; the paths in it are relative to its directory.
  package init(_ bytes: [UInt8], path: String) throws(InputError) {
    let document = try TOMLDocument(bytes, file: path, maximumSize: Self.maximumSize)
    self.init(defaultsFor: document)
    try Self.settings.read(StrictTable(document), into: &self)
  }

  /// Creates a configuration with the defaults. The table of settings requires the keys that have none.
  package init(defaultsFor document: TOMLDocument) {
    self.document = document
    data = ""
    station = StationSettings(interface: "")
    scope = ScopeSources()
  }

  /// Returns the data directory that a configuration names, even if the rest of the file is invalid: a box that
  /// still runs on an earlier version of the file has its status there.
  static func dataDirectory(path: String) throws -> String {
    try reading(only: "data", path: path).data
  }

  /// Returns the user that a configuration names, if it names a valid one, even if the rest of the file is invalid.
  static func user(path: String) -> BoxUser? { try? reading(only: "user", path: path).user }

  private static func reading(only key: String, path: String) throws -> Configuration {
    let bytes = try Files.read(path, limit: maximumSize)
    let document = try TOMLDocument(bytes, file: path, maximumSize: maximumSize)
    var configuration = Configuration(defaultsFor: document)
    try settings.read(only: key, of: StrictTable(document), into: &configuration)
    return configuration
  }

  /// Returns an error at a key of the file.
  func error(at path: [String], found: String, expected: String) -> InputError {
    document.error(at: path, found: found, expected: expected)
  }

  /// Reads the scope lists.
  ///
  /// - Throws: `InputError` for a mistake in a list, and at the list's key if it cannot be read.
  func readScope() throws -> ScopeInForce {
    do {
      return try scope.read(ScopeSources.regularFile)
    } catch let list as UnreadableList {
      throw error(
        at: ["scope", list.key], found: list.found, expected: UnreadableList.expected)
    }
  }
}
