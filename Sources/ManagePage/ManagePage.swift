// The pages of the management service and of the collector, which lie in the program, and the headers that go with them.
import Plan

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One HTML file with its style and its script. It holds nothing about a box; the script asks the API for that.
public struct ManagePage: Sendable {
  public static let page = Self(PackageResources.page_html)
  /// That of the collector of a fleet.
  public static let fleet = Self(PackageResources.fleet_html)

  /// In UTF-8.
  public let html: [UInt8]

  /// A strong entity tag, quotes included (RFC 9110, section 8.8.3).
  public let entityTag: String

  /// The value of Content-Security-Policy. It allows the style and the script of this page by their hashes, requests to the
  /// service itself, and nothing else.
  public let contentSecurityPolicy: String

  init(_ html: [UInt8]) {
    self.html = html
    entityTag = "\"\(SHA256.hex(html).prefix(32))\""
    let script = Self.sources(of: "script", in: html)
    let style = Self.sources(of: "style", in: html)
    contentSecurityPolicy =
      "default-src 'none'; script-src \(script); style-src \(style); img-src data:; connect-src 'self'; "
      + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
  }

  /// The hash sources (CSP3, section 2.3.1) of all elements of a kind.
  private static func sources(of tag: String, in html: [UInt8]) -> String {
    let end = Array("</\(tag)>".utf8)
    var sources: [String] = []
    var rest = html[...]
    while let start = range(of: Array("<\(tag)".utf8), in: rest),
      let open = rest[start.upperBound...].firstIndex(of: UInt8(ascii: ">")),
      let close = range(of: end, in: rest[(open + 1)...])
    {
      sources.append("'sha256-\(base64Hash(Array(rest[(open + 1)..<close.lowerBound])))'")
      rest = rest[close.upperBound...]
    }
    return sources.isEmpty ? "'none'" : sources.joined(separator: " ")
  }

  private static func range(of needle: [UInt8], in bytes: ArraySlice<UInt8>) -> Range<Int>? {
    var start = bytes.startIndex
    while let first = bytes[start...].firstIndex(of: needle[0]) {
      if bytes[first...].starts(with: needle) { return first..<(first + needle.count) }
      start = first + 1
    }
    return nil
  }

  private static func base64Hash(_ bytes: [UInt8]) -> String {
    let digits = Array(SHA256.hex(bytes).utf8)
    let hash = stride(from: 0, to: digits.count, by: 2).map { place in
      UInt8(String(decoding: digits[place..<(place + 2)], as: UTF8.self), radix: 16) ?? 0
    }
    return Data(hash).base64EncodedString()
  }
}
