// What a service learns from its environment.
import Kernel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What whoever started the service tells it (sd_listen_fds(3)).
public enum ServiceEnvironment {
  private static var variables: [String: String] { ProcessInfo.processInfo.environment }

  /// The descriptors of sockets that listen; none if the variables are meant for another process.
  public static var sockets: [Int32] {
    let own = variables["LISTEN_PID"].map { $0 == "\(processID())" } ?? true
    guard own, let count = variables["LISTEN_FDS"].flatMap({ Int32($0) }), (1...16).contains(count)
    else {
      return []
    }
    return (0..<count).map { 3 + $0 }
  }

  public static var heartbeat: Int32? { variables["HEARTBEAT_FD"].flatMap { Int32($0) } }
}
