// `synbox-manage serve`: opens what it needs, gives up every privilege, and serves.
import ArgumentParser
import Confinement
import Kernel
import Manage
import ManageHost
import ManagePage
import NIOSSL
import Plan
import ServiceHost

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve the management interface of a box.",
    discussion: """
      SIGTERM ends the service after the answers that are on their way. The tokens are read again when their file changes; \
      every other setting needs a restart.
      """)

  @Option(help: "The configuration.")
  var config: String

  @Flag(help: ArgumentHelp("Do not start without Landlock.", visibility: .hidden))
  var requireLandlock = false

  @Option(
    help: ArgumentHelp("What happens to system calls that are not on the list.", visibility: .hidden))
  var systemCalls: SystemCallMode = .enforced

  enum SystemCallMode: String, ExpressibleByArgument { case enforced, logged, unfiltered }

  func run() throws {
    // Before any thread starts, so that all of them leave signals to this one.
    let signals = try SignalReader([.terminate, .interrupt, .hangUp])
    Files.setCreationMask(0o022)
    let settings = try ConfigurationFile.read(config)
    let store = try TokenStore(settings.tokens)
    let user = ServicePrivileges.user(
      chosen: settings.user.map { Credentials(uid: $0.uid, gid: $0.gid) },
      standard: Credentials(uid: ServiceUser.standard.uid, gid: ServiceUser.standard.gid))
    for note in try HostSetup.prepare(settings.data, for: user) { Log.write(.warning, note) }

    let folder = try DataFolder(settings.data) { CryptoHash() }
    let sockets = try ListeningSockets(settings, status: folder.status())
    let identity = try identity(settings, sockets.addresses, user)
    let fingerprint = try identity.fingerprint
    let context = try tls(identity, clientCA: settings.clientCA)
    let parts = ServiceParts(
      settings: settings, folder: folder, fingerprint: fingerprint, page: .page,
      document: OpenAPIDocument.text, started: Double(Clock.realtime) / 1e9)
    let heartbeat = try ServiceEnvironment.heartbeat.map { number in try Heartbeat(number) }

    let report = try drop(settings, user)
    for line in report.shortcomings { Log.write(.warning, line) }
    let swept = try folder.sweepStaging()
    folder.sweepOwners()

    let server = try Server(
      parts, store, sockets: sockets.release(), tls: context, heartbeat: heartbeat)
    Log.write(
      .notice, "serving",
      [
        "version": BuildIdentity.number, "on": sockets.names.joined(separator: ","),
        "certificate-sha256": fingerprint, "tokens": "\(store.tokens.entries.count)",
        "swept": "\(swept)", "confinement": "\(report)",
      ])
    throw ExitCode(wait(signals, server))
  }

  /// Several times what it has with as many connections as it takes; the stacks of threads count, too.
  private static let mostMemory: UInt64 = 512 << 20

  private func identity(_ settings: ManageSettings, _ addresses: [UInt32], _ user: Credentials?) throws
    -> ServerIdentity
  {
    if let certificate = settings.certificate, let key = settings.key {
      return try ServerIdentity(certificate: certificate, key: key)
    }
    let directory = "\(settings.data)/\(DataFolder.statePath)"
    let (identity, isNew) = try ServerIdentity.own(in: directory, addresses: addresses, user: user)
    // On the console, where an operator reads it off.
    Terminal.error(
      "the management service's certificate has the SHA-256 \(try identity.fingerprint)\(isNew ? " (new)" : "")\n"
    )
    return identity
  }

  private func tls(_ identity: ServerIdentity, clientCA: String?) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: identity.chain.map { .certificate($0) },
      privateKey: .privateKey(identity.key))
    configuration.minimumTLSVersion = .tlsv13
    configuration.applicationProtocols = ["http/1.1"]
    if let clientCA {
      configuration.certificateVerification = .optionalVerification
      configuration.trustRoots = .certificates(try ServerIdentity.certificates(clientCA))
    }
    return try NIOSSLContext(configuration: configuration)
  }

  private func drop(_ settings: ManageSettings, _ user: Credentials?) throws(Fault) -> ConfinementReport
  {
    // A socket and a file for each connection, and what the threads need, with some to spare.
    try ServicePrivileges.drop(
      openFiles: 2 * UInt64(settings.connections) + 128, memory: Self.mostMemory,
      ManagePolicy.policy(
        data: settings.data, tokens: settings.tokens, user: user, systemCalls: mode,
        landlock: requireLandlock ? .required : .wanted))
  }

  private var mode: ConfinementPolicy.SystemCalls {
    switch systemCalls {
    case .enforced: .enforced
    case .logged: .logged
    case .unfiltered: .unfiltered
    }
  }

  /// Waits for the signal that ends the service. Returns the exit code.
  private func wait(_ signals: borrowing SignalReader, _ server: Server) -> Int32 {
    while true {
      guard waitReadable(signals.number, milliseconds: 60_000), let signal = signals.next() else {
        continue
      }
      // The tokens are read again anyway.
      if signal == .hangUp { continue }
      server.stop()
      Log.write(.notice, "stopped", ["signal": "\(signal)"])
      return 128 + signal.rawValue
    }
  }
}
