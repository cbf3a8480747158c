// Signatures of an operator, by ssh-keygen(1): keys may be in files, in an agent, or on a token.
import Fleet
import Kernel

enum OperatorKey {
  private static let program = "/usr/bin/ssh-keygen"

  /// Signs a body.
  ///
  /// - Parameters:
  ///   - key: the private key, or the public key of one that ssh-agent(1) holds.
  ///   - scratch: a directory of this process's own.
  static func sign(
    _ body: JSONValue, _ namespace: SignedObject.Namespace, key: String, scratch: String
  ) throws -> SignedObject {
    guard Files.kind(of: program) != nil else {
      throw Fault("there is no \(program)", remedy: "Install the package openssh-client")
    }
    guard Files.kind(of: key) != nil else { throw UsageError("there is no key \(key)") }
    let file = "\(scratch)/body"
    try Files.writeNew(file, body.canonical, durable: false)
    defer {
      for name in [file, "\(file).sig", "\(scratch)/log"] { try? Files.remove(name) }
    }
    let log = try Files.createNew("\(scratch)/log")
    let process = try ChildProcess.start(
      program, ["ssh-keygen", "-Y", "sign", "-f", key, "-n", namespace.rawValue, file],
      environment: environment, output: log.number, inherited: [])
    var end: ProcessEnd?
    while end == nil {
      end = ChildProcess.reap(process)?.end
      if end == nil { Clock.sleep(untilMonotonic: Clock.monotonic + 10_000_000) }
    }
    guard Files.kind(of: "\(file).sig") != nil else {
      let text = String(decoding: (try? Files.read("\(scratch)/log", limit: 4096)) ?? [], as: UTF8.self)
      throw Fault("ssh-keygen cannot sign with \(key)", detail: FleetError(text).description)
    }
    let signature = String(decoding: try Files.read("\(file).sig", limit: 1 << 16), as: UTF8.self)
    return SignedObject(body: body, signature: signature)
  }

  /// What ssh-keygen needs to find an agent and a token.
  private static var environment: [String] {
    ["SSH_AUTH_SOCK", "HOME", "PATH", "SSH_ASKPASS", "DISPLAY"].compactMap { name in
      ProcessEnvironment.variables[name].map { "\(name)=\($0)" }
    }
  }
}
