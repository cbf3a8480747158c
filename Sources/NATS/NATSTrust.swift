// TLS of the client: what it believes, and what it proves itself with.
import NIOCore
import NIOSSL

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The authority that servers must prove themselves to, and the client's own certificate.
public struct NATSTrust: Sendable {
  let context: NIOSSLContext
  /// A name that a server's certificate may have instead of the literal address; nil for none.
  let serverName: String?

  /// - Parameters:
  ///   - authority: certificates of the authority, in PEM.
  ///   - certificate: the client's certificate and its chain, in PEM; nil without one.
  ///   - key: the key of `certificate`, in PEM.
  ///   - serverName: a name that a server's certificate may have instead of its literal address; nil for none.
  public init(
    authority: [UInt8], certificate: [UInt8]? = nil, key: [UInt8]? = nil, serverName: String? = nil
  ) throws(NATSSettingError) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv13
    configuration.trustRoots = .certificates(try Self.certificates(authority, "the authority"))
    if let certificate, let key {
      configuration.certificateChain = try Self.certificates(certificate, "the client's certificate")
        .map { .certificate($0) }
      do {
        configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
      } catch {
        throw NATSSettingError("the client's key is no key in PEM without a passphrase")
      }
    } else if certificate != nil || key != nil {
      throw NATSSettingError("a client's certificate and its key belong together")
    }
    do {
      context = try NIOSSLContext(configuration: configuration)
    } catch {
      throw NATSSettingError("the client's key is not that of its certificate")
    }
    self.serverName = serverName
  }

  private static func certificates(_ pem: [UInt8], _ what: String) throws(NATSSettingError)
    -> [NIOSSLCertificate]
  {
    guard let found = try? NIOSSLCertificate.fromPEMBytes(pem), !found.isEmpty else {
      throw NATSSettingError("\(what) is no certificate in PEM")
    }
    return found
  }

  func handler() throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(context: context, serverHostname: serverName)
  }

  /// Says why a handshake failed.
  ///
  /// - Parameters:
  ///   - certificate: the server's, if it came so far.
  ///   - now: seconds since 1970.
  static func reason(_ error: any Error, certificate: NIOSSLCertificate?, now: Int) -> String? {
    if let extra = error as? NIOSSLExtraError, extra == .failedToValidateHostname {
      return "the server's certificate is for another name and address"
    }
    guard error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError else {
      return nil
    }
    let text = "\(error)"
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return "the server's certificate \(fault(of: certificate, now: now))"
    }
    for (name, reason) in alerts where text.contains(name) { return reason }
    return text.contains("unclean") || text.contains("UncleanShutdown")
      ? "the server ended the connection" : "TLS failed: \(text)"
  }

  private static func fault(of certificate: NIOSSLCertificate?, now: Int) -> String {
    guard let certificate else { return "is not of the authority, or not valid now" }
    func day(_ time: Int) -> String {
      Date(timeIntervalSince1970: Double(time)).formatted(.iso8601.year().month().day())
    }
    if now < certificate.notValidBefore {
      return
        "is valid from \(day(certificate.notValidBefore)); today is \(day(now)) by this machine's clock"
    }
    if now > certificate.notValidAfter {
      return
        "expired on \(day(certificate.notValidAfter)); today is \(day(now)) by this machine's clock"
    }
    return "is not of the authority, or is no server's"
  }

  /// What servers say about the client's certificate.
  private static let alerts = [
    ("CERTIFICATE_REQUIRED", "the server requires a client certificate"),
    ("ALERT_CERTIFICATE_EXPIRED", "the server says that the client's certificate has expired"),
    ("ALERT_UNKNOWN_CA", "the server does not know the authority of the client's certificate"),
    ("ALERT_BAD_CERTIFICATE", "the server refuses the client's certificate, or requires one"),
    ("ALERT_CERTIFICATE_UNKNOWN", "the server refuses the client's certificate"),
    ("ALERT_PROTOCOL_VERSION", "the server does not speak TLS 1.3"),
    ("UNSUPPORTED_PROTOCOL", "the server does not speak TLS 1.3"),
  ]
}
