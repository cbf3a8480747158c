// A certificate authority of the fleet, and what it issues.
import Crypto
import Kernel
import SwiftASN1
import Wire
import X509

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A certificate and its key, both in PEM. Keys are P-256, because every TLS library has it.
struct Identity {
  let certificate: String
  let key: String
}

struct Authority {
  /// What a certificate is for.
  struct Subject {
    var commonName: String
    var names: [String] = []
    var addresses: [IPv4Address] = []
    var isServer = false
    var isClient = false
  }

  /// A box may have no clock, and clients know when they must not believe an old certificate any more.
  private static let notBefore = Date(timeIntervalSince1970: 946_684_800)
  private static let secondsPerDay = 86_400.0

  /// In PEM.
  let certificatePEM: String
  let keyPEM: String
  private let certificate: Certificate
  private let key: P256.Signing.PrivateKey

  /// Makes an authority of its own.
  init(name: String, now: Date, days: Double) throws {
    key = P256.Signing.PrivateKey()
    let subject = try DistinguishedName {
      OrganizationName("synbox")
      CommonName(name)
    }
    let publicKey = Certificate.PublicKey(key.publicKey)
    certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
      notValidBefore: Self.notBefore, notValidAfter: now + days * Self.secondsPerDay,
      issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true))
        SubjectKeyIdentifier(hash: publicKey)
      },
      issuerPrivateKey: Certificate.PrivateKey(key))
    certificatePEM = try certificate.serializeAsPEM().pemString
    keyPEM = key.pemRepresentation
  }

  /// Reads one that was made before.
  init(certificate certificatePEM: String, key keyPEM: String) throws {
    self.certificatePEM = certificatePEM
    self.keyPEM = keyPEM
    certificate = try Certificate(pemEncoded: certificatePEM)
    key = try P256.Signing.PrivateKey(pemRepresentation: keyPEM)
  }

  /// Makes a key and a certificate for it.
  func issue(_ subject: Subject, now: Date, days: Double) throws -> Identity {
    let own = P256.Signing.PrivateKey()
    let publicKey = Certificate.PublicKey(own.publicKey)
    var usages: [ExtendedKeyUsage.Usage] = []
    if subject.isServer { usages.append(.serverAuth) }
    if subject.isClient { usages.append(.clientAuth) }
    let names = subject.names.map { GeneralName.dnsName($0) } + subject.addresses.map(Self.general)
    let issued = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
      notValidBefore: Self.notBefore, notValidAfter: now + days * Self.secondsPerDay,
      issuer: certificate.subject,
      subject: try DistinguishedName {
        OrganizationName("synbox")
        CommonName(subject.commonName)
      },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage(usages)
        SubjectAlternativeNames(names)
        SubjectKeyIdentifier(hash: publicKey)
      },
      issuerPrivateKey: Certificate.PrivateKey(key))
    return Identity(
      certificate: try issued.serializeAsPEM().pemString, key: own.pemRepresentation)
  }

  private static func general(_ address: IPv4Address) -> GeneralName {
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: address.value >> UInt32(24 - 8 * $0)) }
    return .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
  }
}
