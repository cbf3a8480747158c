// What was compiled into the binary: the BPF objects and the build's identity.
import CLinux

/// A BPF object file inside the binary.
public enum EmbeddedObject: String, Sendable {
  case receive
  case probes
  case responder

  /// The ELF file's first byte and length. Static data: valid for ever.
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

/// Versions as reported by `synbox version`.
public enum BuildIdentity {
  /// `git describe` of the tree the binary was built from.
  public static var revision: String { unsafe String(cString: clinux_revision_text()) }
  public static var libbpf: String { unsafe String(cString: libbpf_version_string()) }
  public static var libxdp: String { unsafe String(cString: clinux_libxdp_version_text()) }
}
