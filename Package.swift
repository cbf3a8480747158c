// swift-tools-version: 6.2
// One target per module; docs/architecture.md says what lives where and who may import whom.
import PackageDescription

/// Every Swift target: Swift 6, strict memory safety, no warning survives.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// - Parameters:
///   - products: of other packages.
///   - embedding: files that lie in the program, as `PackageResources`.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], products: [Target.Dependency] = [],
  embedding: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies + products,
    resources: embedding.map { .embedInCode($0) }, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
  -> Target
{
  .testTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

/// The packages that are linked into build/synbox. `synbox version` and the SBOM list them: packaging/components reads
/// this array. All packages are pinned, transitive ones too, because an image must be reproducible.
let boxPackages: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
]

/// The packages of the image builder.
let builderPackages: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
  .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
]

/// The packages of the services that listen. None of them is linked into build/synbox.
let servicePackages: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
  .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
  .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
  // Pinned for swift-nio, which uses them.
  .package(url: "https://github.com/apple/swift-atomics", exact: "1.3.0"),
  .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
  .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
/// SwiftPM warns about a package that no target uses; on Linux these add nothing to the build.
let unused: [Target.Dependency] = [
  ("Atomics", "swift-atomics"), ("Collections", "swift-collections"),
  ("SystemPackage", "swift-system"),
].map { .product(name: $0, package: $1, condition: .when(platforms: [.wasi])) }
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// `make fuzz` asks for it: everything is built with libFuzzer, which brings a main function of its own, so the
/// program becomes a library.
let isFuzzing = Context.environment["SYNBOX_FUZZ"] != nil

/// `make unit` asks for it: the pure targets alone, which need no other package, no library of Debian and no root.
let isUnit = Context.environment["SYNBOX_UNIT"] != nil

/// `make test` asks for it: all programs in one build, without the tests, because a static program cannot import Testing.
let isPrograms = Context.environment["SYNBOX_PROGRAMS"] != nil

let program: [Target.Dependency] = [
  "Box", "BoxAPI", "Confinement", "Datapath", "Engine", "Init", "Kernel", "NIC", "Plan", "Scan",
  "Settings", "Spool", "Supervision", "Support", "Wire", argumentParser, logging,
]

let fuzzers: [Target] =
  isFuzzing
  ? [
    .target(name: "CFuzz", path: "Tests/Fuzz/CFuzz"),
    .executableTarget(
      name: "fuzz", dependencies: ["CFuzz", "FuzzTargets", "Kernel"], path: "Tests/Fuzz/Engine",
      swiftSettings: strict),
  ] : []

/// No privilege, no input or output.
let pure: [Target] = [
  module("Support"),
  module("Wire", ["Support"]),
  module("Plan", ["Support", "Wire"]),
  module("Scan", ["Plan", "Support", "Wire"]),
  module("BoxAPI", ["Scan", "Support"]),
  module("Box", ["BoxAPI", "Plan"]),
  module("Settings", ["Plan", "Support"]),
  module("Manage", ["BoxAPI", "Plan", "Settings", "Support"], embedding: ["openapi.json"]),
  module("BoxClient", ["Plan", "Settings", "Support"]),
  module("NATSWire", ["Support"]),
  module("Fleet", ["Plan", "Scan", "Support", "Wire"]),
  // One hand-written HTML file, which becomes a constant of the program.
  module("ManagePage", ["Plan"], embedding: ["page.html", "fleet.html"]),

  .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
  tests("SupportTests", ["Support"]),
  tests("WireTests", ["Wire", "TestSupport"]),
  tests("PlanTests", ["Plan", "Wire", "TestSupport"]),
  tests("ScanTests", ["Scan", "Plan", "Wire", "TestSupport"]),
  tests("BoxTests", ["Box", "BoxAPI", "Plan", "TestSupport"]),
  tests("SettingsTests", ["Settings", "Plan", "TestSupport"]),
  tests("ManageTests", ["Manage", "BoxAPI", "Plan", "Settings", "Support", "TestSupport"]),
  tests("ManagePageTests", ["ManagePage"]),
  tests("BoxClientTests", ["BoxClient", "Plan", "TestSupport"]),
  tests("FleetTests", ["Fleet", "Plan", "Scan", "Support", "Wire", "TestSupport"]),
  .testTarget(
    name: "NATSWireTests", dependencies: ["NATSWire", "TestSupport"], exclude: ["Transcripts"],
    swiftSettings: strict),
]

let others: [Target] = [
  // C: what Swift cannot import, and the embedded BPF objects. No logic.
  .target(
    name: "CLinux",
    cSettings: [.define("_GNU_SOURCE"), .unsafeFlags(["-Wno-c23-extensions"])],
    linkerSettings: ["xdp", "bpf", "elf", "z", "zstd", "cap", "seccomp"].map { .linkedLibrary($0) }),
  .systemLibrary(name: "CNetlink", pkgConfig: "libnl-genl-3.0"),

  // The kernel, and what is done with it.
  module("Kernel", ["CLinux", "CNetlink", "Support"]),
  module("NIC", ["Kernel", "Plan", "Settings", "Support", "Wire"]),
  module("Datapath", ["Kernel", "Wire"]),
  module("Confinement", ["Kernel"]),
  module("Spool", ["Kernel", "Plan", "Scan", "Support", "Wire"]),
  module("Engine", ["Datapath", "Kernel", "NIC", "Plan", "Scan", "Spool", "Wire"]),
  module("Init", ["BoxAPI", "Kernel", "NIC", "Plan", "Scan", "Settings", "Spool", "Support", "Wire"]),
  module("ServiceHost", ["Confinement", "Kernel", "Scan", "Support"]),
  module(
    "ManageHost",
    ["BoxAPI", "Confinement", "Kernel", "Manage", "Plan", "ServiceHost", "Spool", "Support"]),
  module(
    "FleetHost",
    [
      "BoxAPI", "Confinement", "Fleet", "Kernel", "NATS", "Plan", "Scan", "ServiceHost", "Settings",
      "Spool", "Support",
    ],
    products: [
      .product(name: "Crypto", package: "swift-crypto"),
      .product(name: "NIOCore", package: "swift-nio"),
    ]),
  module("Supervision", ["BoxAPI", "Confinement", "Init", "Kernel", "NIC", "Settings", "Spool"]),
  isFuzzing
    ? .target(
      name: "synbox", dependencies: program, exclude: ["main.swift"], swiftSettings: strict)
    : .executableTarget(name: "synbox", dependencies: program, swiftSettings: strict),

  // The fleet: NATS over SwiftNIO.
  module(
    "NATS", ["NATSWire", "Support"],
    products: [
      .product(name: "Crypto", package: "swift-crypto"),
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOSSL", package: "swift-nio-ssl"),
      .product(name: "NIOTLS", package: "swift-nio"),
    ] + unused),

  // Authorities, certificates and the broker's configuration, on an operator's machine.
  module(
    "FleetSetup", ["Fleet", "Kernel", "Support", "Wire"],
    products: [
      .product(name: "Crypto", package: "swift-crypto"),
      .product(name: "SwiftASN1", package: "swift-asn1"),
      .product(name: "X509", package: "swift-certificates"),
    ]),

  // The agent of a box in a fleet.
  .executableTarget(
    name: "synbox-agent",
    dependencies: [
      "BoxAPI", "Confinement", "Fleet", "FleetHost", "Kernel", "NATS", "NATSWire", "Plan",
      "ServiceHost", "Support", argumentParser,
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"),
    ] + unused,
    swiftSettings: strict),

  // The operator's client: talks to synbox-manage, from anywhere.
  .executableTarget(
    name: "synboxctl",
    dependencies: [
      "BoxAPI", "BoxClient", "Fleet", "FleetHost", "FleetSetup", "Kernel", "Manage", "ManagePage",
      "NATS", "NATSWire", "Plan", "Scan", "ServiceHost", "Support", argumentParser,
      .product(name: "Crypto", package: "swift-crypto"),
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOHTTP1", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOSSL", package: "swift-nio-ssl"),
    ] + unused,
    swiftSettings: strict),

  // The management service: what it does with files and how it is confined; then the program.
  // NIO and BoringSSL stay out of the scanner.
  .executableTarget(
    name: "synbox-manage",
    dependencies: [
      "BoxAPI", "Confinement", "Kernel", "Manage", "ManageHost", "ManagePage", "Plan", "Scan",
      "ServiceHost", "Support",
      argumentParser,
      .product(name: "Crypto", package: "swift-crypto"),
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOHTTP1", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOSSL", package: "swift-nio-ssl"),
      .product(name: "NIOTLS", package: "swift-nio"),
      .product(name: "SwiftASN1", package: "swift-asn1"),
      .product(name: "X509", package: "swift-certificates"),
    ] + unused,
    swiftSettings: strict),

  // Builds the disk image, on a workstation: nothing of it goes into the box.
  .executableTarget(
    name: "synimage",
    dependencies: [
      "Init", "Kernel", "Manage", "NIC", "Plan", "Settings", "Support", argumentParser,
      .product(name: "Crypto", package: "swift-crypto"),
    ],
    swiftSettings: strict),

  // Whole-program tests on the static binary, in namespaces.
  .target(name: "LabSupport", path: "Tests/LabSupport"),
  // Apart from LabSupport, because it imports Testing, which a static program such as the benchmark cannot.
  .target(name: "LabTraits", path: "Tests/LabTraits", swiftSettings: strict),
  tests("LabTests", ["LabSupport", "LabTraits", "TestSupport", "Wire"]),

  tests("KernelTests", ["Kernel", "LabSupport", "TestSupport"]),
  tests("SpoolTests", ["Spool", "Kernel", "Plan", "Scan", "Wire", "LabSupport"]),
  // What the program adds to the modules, without a process of its own.
  tests(
    "ProgramTests",
    [
      "Box", "BoxAPI", "Engine", "Init", "Kernel", "LabSupport", "NIC", "Plan", "Settings", "Spool",
      "Support", "Wire", "synbox", logging,
    ]),
  // The whole program in a lab: needs root and build/synbox.
  tests(
    "ServeTests",
    [
      "BoxAPI", "Confinement", "ConfinementProbe", "Init", "Kernel", "LabSupport", "LabTraits",
      "ManageHost", "NIC", "Plan",
      "Scan", "Supervision", "TestSupport", "Wire",
    ]),
  // The real program on real packages: needs build/synimage, build/synbox.stripped and the mirror.
  tests("ImageTests", ["LabSupport", "LabTraits"]),
  // The client with Debian's nats-server: needs build/nats-server and, for a collector, build/synboxctl.
  tests(
    "NATSTests",
    [
      "Fleet", "FleetHost", "FleetSetup", "Kernel", "LabSupport", "LabTraits", "NATS", "NATSWire",
      "Plan",
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOSSL", package: "swift-nio-ssl"),
      .product(name: "NIOTLS", package: "swift-nio"),
    ]),
  // The real service: needs root, build/synbox-manage and build/synbox.
  tests(
    "ManageServiceTests", ["Confinement", "LabSupport", "LabTraits", "Manage", "ManageHost"]),
  // netconfig/fleet: needs root, the programs and build/nats-server.
  tests("FleetServiceTests", ["Confinement", "FleetHost", "LabSupport", "LabTraits"]),
  tests(
    "FleetHostTests",
    [
      "Confinement", "Fleet", "FleetHost", "Kernel", "LabSupport", "Plan", "Scan", "Settings",
      "TestSupport",
      "Wire",
    ]),
  tests("NICTests", ["NIC", "Kernel", "LabSupport", "Plan", "Wire", "TestSupport"]),
  tests("DatapathTests", ["Datapath", "Kernel", "LabSupport", "Wire", "TestSupport"]),
  tests("InitTests", ["Init", "Kernel", "NIC", "LabSupport", "Plan", "TestSupport", "Wire"]),
  tests("EngineTests", ["Datapath", "Engine", "Kernel", "NIC", "Plan", "Scan", "TestSupport", "Wire"]),
  tests(
    "SupervisionTests",
    ["Supervision", "Confinement", "ConfinementProbe", "Init", "Kernel", "LabSupport"]),
  tests("ConfinementTests", ["Confinement", "ConfinementProbe", "Kernel", "LabSupport"]),

  // Readers of foreign bytes: their corpora in every test run, libFuzzer in `make fuzz`.
  .target(
    name: "FuzzTargets",
    dependencies: [
      "BoxAPI", "BoxClient", "Datapath", "Fleet", "Init", "Kernel", "Manage", "ManageHost", "NATSWire",
      "NIC", "Plan", "Scan", "Settings", "Spool", "Support", "Wire", "synbox",
    ],
    path: "Tests/Fuzz/Targets", swiftSettings: strict),
  tests("FuzzTests", ["FuzzTargets", "Kernel", "TestSupport", "synbox"]),

  // A drop cannot be taken back, so the tests run it in a process of its own.
  .target(name: "CConfinementProbe", path: "Tests/CConfinementProbe"),
  .executableTarget(
    name: "ConfinementProbe",
    dependencies: ["CConfinementProbe", "Confinement", "Kernel", "ManageHost"],
    path: "Tests/ConfinementProbe", swiftSettings: strict),

  // Speeds, not tests: `make benchmark`.
  .target(name: "CBenchmark", path: "Tests/CBenchmark"),
  .executableTarget(
    name: "benchmark",
    dependencies: [
      "CBenchmark", "Datapath", "Kernel", "LabSupport", "NIC", "Plan", "Scan", "Spool", "Support",
      "TestSupport", "Wire", argumentParser,
    ],
    path: "Tests/Benchmark", swiftSettings: strict,
    // So that `benchmark allocations` sees every one, the libraries' too where they are linked in.
    linkerSettings: [
      .unsafeFlags(
        ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"].flatMap {
          ["-Xlinker", "--wrap=\($0)"]
        })
    ]),
]

let package = Package(
  name: "synbox",
  products: isFuzzing || isUnit ? [] : [.executable(name: "synbox", targets: ["synbox"])],
  dependencies: isUnit ? [] : boxPackages + builderPackages + servicePackages,
  targets: (isUnit ? pure : pure + others + fuzzers).filter {
    !isPrograms || $0.type != .test && $0.name != "LabTraits"
  },
  cLanguageStandard: .gnu17
)
