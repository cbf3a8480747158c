// The service's certificate and key: the operator's, or its own.
import Crypto
import Kernel
import Manage
import NIOSSL
import Support
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A certificate chain with its key.
struct ServerIdentity {
  let chain: [NIOSSLCertificate]
  let key: NIOSSLPrivateKey

  /// - Throws: a `Fault` that names the file.
  init(certificate: String, key keyPath: String) throws {
    chain = try Self.certificates(certificate)
    let bytes = try Files.read(keyPath, limit: Self.sizeLimit)
    do {
      key = try NIOSSLPrivateKey(bytes: bytes, format: .pem)
    } catch {
      throw Fault(
        "cannot read the private key \(keyPath)", detail: "found no key in PEM, without a passphrase")
    }
    do {
      _ = try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
    } catch {
      throw Fault("the key \(keyPath) is not that of the certificate \(certificate)")
    }
  }

  private static let sizeLimit = 1 << 20

  /// - Throws: a `Fault` unless the file has at least one certificate.
  static func certificates(_ path: String) throws -> [NIOSSLCertificate] {
    let bytes = try Files.read(path, limit: sizeLimit)
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
      throw Fault("cannot read the certificates of \(path)", detail: "found none in PEM")
    }
    return certificates
  }

  /// The SHA-256 of the certificate, by which clients can know it.
  var fingerprint: String {
    get throws { Hexadecimal.encode(SHA256.hash(data: try chain[0].toDERBytes())) }
  }

  // MARK: A certificate of its own

  /// Opens the service's own certificate, and makes it at the first start. The key never leaves the machine.
  ///
  /// - Parameters:
  ///   - directory: the service's own.
  ///   - addresses: where it listens, for the certificate.
  static func own(in directory: String, addresses: [UInt32], user: Credentials?) throws
    -> (identity: ServerIdentity, isNew: Bool)
  {
    let paths = (certificate: "\(directory)/certificate.pem", key: "\(directory)/key.pem")
    let isNew = Files.kind(of: paths.certificate) == nil
    if isNew {
      let (certificate, key) = try make(addresses)
      try Files.replace(paths.key, with: Array(key.utf8), durable: true, isSecret: true)
      // Last, because it says that both are there.
      try Files.replace(paths.certificate, with: Array(certificate.utf8), durable: true)
      if let user {
        try Files.handOver(paths.key, to: user)
        try Files.handOver(paths.certificate, to: user)
      }
    }
    return (try ServerIdentity(certificate: paths.certificate, key: paths.key), isNew)
  }

  private static func make(_ addresses: [UInt32]) throws -> (certificate: String, key: String) {
    let key = P256.Signing.PrivateKey()
    let host = hostName()
    let name = try DistinguishedName { CommonName(host) }
    var names: [GeneralName] = [.dnsName(host)]
    for address in addresses where address != 0 {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: address >> UInt32(24 - 8 * $0)) }
      names.append(.ipAddress(ASN1OctetString(contentBytes: bytes[...])))
    }
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PublicKey(key.publicKey),
      // A box may have no clock yet when it makes this, and clients know the certificate by its hash.
      notValidBefore: Date(timeIntervalSince1970: 946_684_800),
      notValidAfter: Date(timeIntervalSince1970: 2_524_607_999),
      issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectAlternativeNames(names)
      },
      issuerPrivateKey: Certificate.PrivateKey(key))
    return (try certificate.serializeAsPEM().pemString, key.pemRepresentation)
  }
}

extension CertificateSubject {
  /// The subject of a certificate that the TLS library has verified.
  init?(_ certificate: NIOSSLCertificate) {
    guard let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes)
    else { return nil }
    func value(_ type: ASN1ObjectIdentifier) -> String? {
      let values = parsed.subject.flatMap { $0 }.filter { $0.type == type }
      return values.count == 1 ? String(describing: values[0].value) : nil
    }
    self.init(
      commonName: value(.NameAttributes.commonName),
      organizationalUnit: value(.NameAttributes.organizationalUnitName))
  }
}

/// The host's name, or `synbox` if it cannot be one of DNS.
private func hostName() -> String {
  let bytes = (try? SmallFile.read("/proc/sys/kernel/hostname", limit: 256)) ?? []
  let name = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
  let isUsable =
    !name.isEmpty && name.utf8.count <= 63
    && name.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || "0123456789-.".unicodeScalars.contains($0))
    }
  return isUsable ? name : "synbox"
}
