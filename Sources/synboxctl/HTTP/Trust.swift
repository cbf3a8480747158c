// TLS of the client: whom it believes, and what it proves itself with.
import BoxClient
import Crypto
import Kernel
import NIOCore
import NIOSSL
import Plan
import Synchronization

/// How the box proves itself: by an authority, or by its certificate's SHA-256.
struct Trust: Sendable {
  private let context: NIOSSLContext
  private let fingerprint: CertificateFingerprint?
  private let seen = SeenCertificate()

  /// The certificate that the box presented when it did not match.
  private final class SeenCertificate: Sendable {
    let digest = Mutex<String?>(nil)
  }

  init(_ settings: ClientSettings) throws {
    if let text = settings.fingerprint {
      do throws(ValueError) { fingerprint = try CertificateFingerprint(parsing: text) } catch {
        throw UsageError("fingerprint: \(error)")
      }
    } else {
      fingerprint = nil
    }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv13
    configuration.applicationProtocols = ["http/1.1"]
    if let authority = settings.authority {
      // Read here, because a missing file would only be reported by its number.
      let pem = try Files.read(authority, limit: 1 << 22)
      configuration.trustRoots = .certificates(
        try Self.reading(authority) { try NIOSSLCertificate.fromPEMBytes(pem) })
    }
    if let path = settings.certificate, let key = settings.key {
      let (pem, secret) = (try Files.read(path, limit: 1 << 20), try Files.read(key, limit: 1 << 20))
      configuration.certificateChain = try Self.reading(path) {
        try NIOSSLCertificate.fromPEMBytes(pem).map { .certificate($0) }
      }
      configuration.privateKey = .privateKey(
        try Self.reading(key) { try NIOSSLPrivateKey(bytes: secret, format: .pem) })
    } else if settings.certificate != nil || settings.key != nil {
      throw UsageError("--cert and --key belong together")
    }
    // The fingerprint says which certificate it must be; the box may be reached at an address that is not in it.
    if fingerprint != nil { configuration.certificateVerification = .noHostnameVerification }
    context = try NIOSSLContext(configuration: configuration)
  }

  private static func reading<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      throw InputError(
        file: path, location: .file, found: "nothing that can be used",
        expected: "a certificate or key in PEM")
    }
  }

  func handler(for address: BoxAddress) throws -> NIOSSLClientHandler {
    let name = address.isName ? address.host : nil
    guard let fingerprint else {
      return try NIOSSLClientHandler(context: context, serverHostname: name)
    }
    let seen = seen
    return try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, promise in
      guard let leaf = certificates.first, let bytes = try? leaf.toDERBytes() else {
        return promise.succeed(.failed)
      }
      let digest = SHA256.hash(data: bytes).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
      if digest == fingerprint.description { return promise.succeed(.certificateVerified) }
      seen.digest.withLock { $0 = digest }
      promise.succeed(.failed)
    }
  }

  /// What to tell the user about a failed handshake.
  func explain(_ error: any Error, _ address: BoxAddress) -> Fault {
    let what = "cannot make a secure connection to \(address)"
    if let found = seen.digest.withLock({ $0 }), let fingerprint {
      return Fault(
        what, detail: "its certificate has the SHA-256 \(found), expected \(fingerprint)",
        remedy: "Compare with the fingerprint that the box shows on its console and in its log")
    }
    let text = "\(error)"
    guard fingerprint == nil, text.contains("CERTIFICATE_VERIFY_FAILED") else {
      return Fault(what, detail: text)
    }
    return Fault(
      what, detail: "its certificate is not one of an authority that is trusted here",
      remedy:
        "Name the authority with --ca, or the certificate's SHA-256, which the box shows on its console and in its log, with --fingerprint"
    )
  }
}
