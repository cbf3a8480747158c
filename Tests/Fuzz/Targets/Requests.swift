// What anybody may send to the management service: targets and header fields of requests.
import Manage
import ManageHost

extension FuzzTarget {
  /// The input is a method, a space and a target. The result is a refusal, or the operation and the names that a second
  /// reading finds. A job's name is usable or refused for a reason, and the same encoded and read again.
  static let requestTargets = FuzzTarget("request-targets", maximumLength: 512) { bytes in
    let sides = bytes.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
    let method = String(decoding: sides[0], as: UTF8.self)
    let target = String(decoding: sides.count > 1 ? sides[1] : [], as: UTF8.self)
    let routed: RoutedRequest
    do throws(Problem) {
      routed = try RoutedRequest(method: method, target: target)
    } catch {
      return try error.requireRefusal([400, 404, 405])
    }
    let route = routed.operation.route
    try require(routed.isHead == (method == "HEAD"), "\(method) is HEAD")
    try require(route.method == (routed.isHead ? "GET" : method), "\(method) is \(routed.operation)")
    let names = try namesReadAgain(target, route.path)
    try require(routed.names == names, "found \(routed.names), a second reading \(names)")
    for name in routed.names { try requireJobName(name) }
    guard routed.operation == .jobs else {
      return try require(routed.query.isEmpty, "\(routed.operation) with \(routed.query)")
    }
    do {
      let query = try JobQuery(routed.query)
      try require(0...1_000_000 ~= query.offset && 1...1000 ~= query.limit, "\(query)")
    } catch let error as Problem {
      try error.requireRefusal([400])
    }
  }

  /// RFC 3986, sections 2.1 and 3.3.
  private static func namesReadAgain(_ target: String, _ pattern: String) throws -> [[UInt8]] {
    let path = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
    let parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
    let places = pattern.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    try require(parts.count == places.count, "\(target) is \(pattern)")
    return try zip(places, parts).compactMap { place, part in
      var decoded: [UInt8] = []
      var at = part.startIndex
      while at < part.endIndex {
        let isEncoded = part[at] == UInt8(ascii: "%")
        let digits =
          isEncoded ? String(decoding: part[at + 1..<min(at + 3, part.endIndex)], as: UTF8.self) : ""
        decoded.append(isEncoded ? UInt8(digits, radix: 16) ?? 0 : part[at])
        at += isEncoded ? 3 : 1
      }
      if place == "{}" { return decoded }
      try require(decoded == Array(place.utf8), "\(target) is \(pattern)")
      return nil
    }
  }

  private static func requireJobName(_ bytes: [UInt8]) throws {
    let name: String
    do throws(Problem) {
      name = try DataFolder.newName(bytes)
    } catch {
      try error.requireRefusal([400])
      return try require((try? DataFolder.jobName(bytes)) == nil, "no job can be called \(bytes)")
    }
    try require(try DataFolder.jobName(bytes) == name, "a job is called \(name)")
    try require(Array(name.utf8) == bytes && 1...200 ~= bytes.count, "\(name) changes on the way")
    try requirePrintable(name)
    let isSafe = !name.hasPrefix(".") && !name.hasSuffix(".cancel") && !name.utf8.contains(0x2f)
    try require(isSafe, "\(name) is usable")
    let again = try RoutedRequest(method: "GET", target: "/v1/jobs/\(RequestTarget.encode(name))")
    try require(again.names == [bytes], "\(name) is encoded as \(RequestTarget.encode(name))")
  }
}

extension Problem {
  /// Requires that the problem is one of these refusals, and that nothing in it can harm whoever shows it.
  func requireRefusal(_ allowed: [Int]) throws(FuzzFailure) {
    try require(allowed.contains(status), "\(status): \(detail)")
    try requirePrintable(title)
    try requirePrintable(detail)
    try require(JSONText.isObject(json), "no JSON: \(String(decoding: json, as: UTF8.self))")
    for field in headers {
      try require((field.name + field.value).utf8.allSatisfy { 0x20..<0x7f ~= $0 }, "\(field)")
    }
  }
}
