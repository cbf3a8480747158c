// The BPF objects and the build's identity, embedded in the binary.
import CLinux

/// An embedded BPF object file. The raw value is its name in the kernel.
public enum EmbeddedObject: String, Sendable {
  case receive
  case probes
  case responder

  /// The ELF file's first byte and length. Static data, so always valid.
  var bytes: (start: UnsafeRawPointer, count: Int) {
    switch self {
    case .receive:
      unsafe (
        UnsafeRawPointer(clinux_receive_start()), Int(clinux_receive_object_size)
      )
    case .probes:
      unsafe (
        UnsafeRawPointer(clinux_probes_start()), Int(clinux_probes_object_size)
      )
    case .responder:
      unsafe (
        UnsafeRawPointer(clinux_responder_start()), Int(clinux_responder_object_size)
      )
    }
  }
}

/// The versions that `synbox version` prints.
public enum BuildIdentity {
  /// The version of the product.
  public static let number = "0.2.0"
  /// `git describe` of the tree the binary was built from.
  public static var revision: String { unsafe String(cString: clinux_revision_text()) }

  /// The compilers, static libraries and Swift packages of the scanner, as `packaging/components` prints them: one per
  /// line, `NAME VERSION` or `NAME VERSION URL`.
  public static var components: String {
    lines.filter { !$0.hasSuffix(ofServices) }.joined(separator: "\n")
  }

  /// Those of the services that listen.
  public static var serviceComponents: String {
    lines.map { $0.hasSuffix(ofServices) ? $0.dropLast(ofServices.count) : $0 }.joined(separator: "\n")
  }

  private static let ofServices = " services"
  private static var lines: [Substring] {
    unsafe String(cString: clinux_components_text()).split(separator: "\n")
  }

  /// The version of a component; empty if the build did not record it.
  public static func version(of name: String) -> String {
    for line in components.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count > 1, fields[0] == name { return String(fields[1]) }
    }
    return ""
  }
}
