// Every key of synbox.toml: its type, default, check, reload rule and documentation. The keys are named after the
// command line's long options. docs/reference/configuration.md is generated from this table (`make reference`).
import Engine
import Plan
import Scan
import Settings
import Wire

extension Configuration {
  package static let settings = SettingsTable<Configuration>(
    start + transmission + jobs + bounds + process + [
      .section(
        "scope", \.scope, ScopeSources.settings,
        default: .required("[scope] with allow = [\"198.18.0.0/15\"] or allow-file = \"PATH\""),
        reload: .onReload,
        "what may be probed, see below")
    ],
    check: { configuration, table throws(InputError) in
      guard configuration.cooldown <= configuration.maxCooldown else {
        throw table.error(
          "cooldown-time", found: "a cooldown of \(configuration.cooldown)",
          expected: "at most max-cooldown, \(configuration.maxCooldown)")
      }
      guard configuration.probes.value <= configuration.maxProbes.value else {
        throw table.error(
          "probes", found: "\(configuration.probes) probes",
          expected: "at most max-probes, \(configuration.maxProbes)")
      }
    })

  private static let start: [Setting<Configuration>] = [
    Setting(
      "data", \.data, .path, default: .required("a path such as \"/data\""), "the data directory"),
    Setting(
      "interface", \.station.interface, .text, default: .required("a name such as eth0"),
      "the interface to send from"),
    Setting(
      "profile", \.profile, profileSyntax, default: "none",
      "the NIC profile to apply at start; `auto` is the built-in one of the driver; a directory has one "
        + "file per driver"),
  ]

  private static let transmission: [Setting<Configuration>] = [
    Setting(
      "source-ip", \.station.sources, .parsed("addresses"), default: "the interface's own",
      "source addresses"),
    Setting("source-port", \.station.sourcePorts, sourcePortSyntax, "source ports"),
    Setting(
      "source-use", \.station.sourceUse, .choice,
      "what becomes of packets to the source addresses that are no valid replies: `dedicated` drops them, `shared` "
        + "passes them to the kernel; `auto` is `dedicated` in the image and for addresses that are not the host's "
        + "([receive](../design/receive.md#dedicated-and-shared-addresses))"),
    Setting(
      "gateway-mac", \.station.gatewayMAC, gatewaySyntax, default: "from route, neighbour table, ARP",
      "the Ethernet address to send to"),
    Setting(
      "transmit", \.station.transmit, .choice, "how probes are sent ([transmit](../design/transmit.md))"
    ),
    Setting("receive", \.station.receive, .choice, "how replies are received"),
    Setting(
      "report", \.station.report, .choice,
      "which replies become results: `closed` adds RSTs, `all` also ICMP errors"),
    Setting(
      "rst", \.station.reset, resetSyntax,
      "how RSTs are sent; both are through the transmitter ([receive](../design/receive.md#the-rst))"),
    Setting(
      "sender-threads", \.station.senders, .integer(1...64),
      "sending threads, one transmit queue each"),
    Setting(
      "batch", \.station.batch, .integer(StationSettings.batches),
      default: "64; generator 4096; xdp-copy 512 from Linux 6.17 on",
      "entries per submission; a rate may make it smaller"),
    Setting(
      "event-ring", \.station.eventRing, .parsed("size"), default: "4M",
      "size of the event ring, 96 bytes per event; a power of two, at least one page, at most 1G"),
  ]

  private static let jobs: [Setting<Configuration>] = [
    Setting(
      "rate", \.rate, .parsed("rate"), default: "`10k` if no `bandwidth` is set", reload: .onReload,
      "the rate of every job; a target file can lower it"),
    Setting(
      "bandwidth", \.bandwidth, .parsed("bandwidth"), default: "none", reload: .onReload,
      "the same as a bandwidth, or as a percentage of the link's speed, such as `95%`, which leaves room for other traffic; "
        + "with both set, the lower one is in force"),
    Setting(
      "probes", \.probes, .parsed("1 to 255"), reload: .onReload, "probes per target, one per pass"),
    Setting(
      "cooldown-time", \.cooldown, durationSyntax, reload: .onReload,
      "how long to wait for replies after the last probe"),
    Setting(
      "target-ports", \.targetPorts, .parsed("ports"), default: "none", reload: .onReload,
      "ports of targets that name none"),
    Setting(
      "output-module", \.format, .choice, reload: .onReload,
      "the format of the results; `json` is JSON lines"),
    Setting(
      "output-fields", \.fields, fieldsSyntax, reload: .onReload,
      "columns of the results ([results](results.md))"),
    Setting(
      "pace-interval", \.paceInterval, paceSyntax, reload: .onReload,
      "how often a sender sends; longer takes less processor time ([pacing](../design/pacing.md))"),
    Setting(
      "on-overload", \.onOverload, .choice, reload: .onReload,
      "when replies arrive faster than they are taken: send more slowly, or lose replies"),
    Setting("probe-options", \.probeProfile, .choice, reload: .onReload, "TCP options of a probe"),
    Setting(
      "dedupe-memory", \.dedupeMemory, .parsed("size"),
      default: "1G, or half of the machine's memory if that is less", reload: .onReload,
      "limit of the dedupe table, at least 64K"),
    Setting(
      "disk-high-water", \.diskHighWater, .integer(1...100), reload: .onReload,
      "per cent of the disk above which fetched results are removed"),
    Setting(
      "max-spool", \.maxSpool, .parsed("size"), default: "a quarter of the disk", reload: .onReload,
      "bytes that the files in `spool/` may have together; files beyond that are rejected"),
  ]

  private static let bounds: [Setting<Configuration>] = [
    Setting(
      "max-runtime", \.maxRuntime, durationSyntax, default: "`\"720h\"`", reload: .onReload,
      "stop sending a job after this time, so that no job keeps others waiting for ever; 0 for no limit"
    ),
    Setting(
      "max-cooldown", \.maxCooldown, durationSyntax, reload: .onReload,
      "the longest `@cooldown`; a file that asks for more is rejected"),
    Setting(
      "max-probes", \.maxProbes, .parsed("1 to 255"), reload: .onReload,
      "the most `@probes`; a file that asks for more is rejected"),
    Setting(
      "max-target-rate", \.maxTargetRate, .parsed("rate"), reload: .onReload,
      "probes per second to one address, on average over the job; a job with few addresses is slower; 0 for "
        + "no limit"),
    Setting(
      "allow-ports", \.allowPorts, .parsed("ports"), default: "all", reload: .onReload,
      "ports that may be probed; targets on others are left out and counted as out of scope"),
  ]

  private static let process: [Setting<Configuration>] = [
    Setting("log", \.log, .choice, "where the log goes; `kernel` is /dev/kmsg"),
    Setting(
      "user", \.user, .parsed("text"), default: "`60900:60900` if started as root",
      "user to run as after dropping root: `UID:GID`, `UID`, or a name from /etc/passwd"),
    Setting(
      "licence", \.licence, .text, default: "none",
      "the licence that a fleet's agent writes, relative to the data directory; with this key, nothing is sent without a valid one "
        + "([licence](../design/licence.md))"),
    Setting(
      "lock-memory", \.lockMemory, .choice,
      default: "`\"required\"` in the image, `\"wanted\"` elsewhere",
      "whether the box starts if memory cannot be locked"),
  ]
}

extension ScopeSources {
  package static let settings = SettingsTable<ScopeSources>(
    [
      Setting(
        "allow", \.allow, .parsed("addresses"), default: "none", reload: .onReload,
        "addresses that may be probed"),
      Setting(
        "allow-file", \.allowFile, .path, default: "none", reload: .onReload,
        "the same, one entry a line; checked for changes once a second"),
      Setting(
        "deny", \.deny, .parsed("addresses"), default: "none", reload: .onReload,
        "addresses that are never probed; a denial wins"),
      Setting(
        "deny-file", \.denyFile, .path, default: "none", reload: .onReload,
        "the same, one entry a line; checked for changes once a second"),
      Setting(
        "special-purpose", \.specialPurpose, .choice, reload: .onReload,
        "IANA's special-purpose space inside wider entries"),
    ],
    check: { sources, table throws(InputError) in
      guard sources.allow != nil || sources.allowFile != nil else {
        throw table.error(
          nil, found: "a scope that allows nothing", expected: "allow or allow-file")
      }
    })
}

// MARK: Types of one key

private let profileSyntax = SettingSyntax<Configuration.Profile>("`\"auto\"` or path") {
  field throws(InputError) in
  field.value.string == "auto" ? .automatic : .path(try field.path())
}

private let sourcePortSyntax = SettingSyntax<ClosedRange<UInt16>>.parsed(
  "port range", write: { "\"\($0.lowerBound)-\($0.upperBound)\"" },
  { text throws(ValueError) in
    let ports = try PortRange(parsing: text)
    return ports.first.value...ports.last.value
  })

private let gatewaySyntax = SettingSyntax<MACAddress>.text(
  "an Ethernet address of one host such as 02:00:00:00:00:01"
) { text in
  MACAddress(text).flatMap { $0.isGroup || $0 == .zero ? nil : $0 }
}

private let resetSyntax = SettingSyntax<ResetChoice>.parsed(
  "`\"auto\"`, `\"transmitter\"`", write: { "\"\($0.rawValue)\"" },
  { text throws(ValueError) in try ResetChoice(parsing: text) })

private let durationSyntax = SettingSyntax<Duration>.parsed(
  "duration", write: { "\"\($0.components.seconds)s\"" },
  { text throws(ValueError) in try Duration(parsing: text) })

private let paceSyntax = SettingSyntax<PaceInterval>.parsed(
  "milliseconds", write: { "\"\($0)\"" },
  { text throws(ValueError) in try PaceInterval(parsing: text) })

private let fieldsSyntax = SettingSyntax<[ResultField]>.parsed(
  "list", write: { "[\($0.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))]" },
  { text throws(ValueError) in try ResultField.parse(list: text) })
