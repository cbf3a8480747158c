// Every operation of the OpenAPI document, with credentials that must not do.
import Foundation
import LabSupport
import LabTraits
import Manage
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `Every operation of the API` {
  /// The paths of the document the service serves, with names in their places.
  private func operations(_ lab: ManageLab) throws -> [(method: String, path: String, role: String?)] {
    let document = try lab.send("GET", "/v1/openapi.json").json()
    let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
    return paths.sorted { $0.key < $1.key }.flatMap { path, methods in
      methods.map { method, operation in
        (
          method.uppercased(),
          path.replacing("{name}", with: "job").replacing("{file}", with: "results.csv"),
          operation["x-role"] as? String
        )
      }
    }
  }

  @Test func `refuses whoever has no valid credentials or too low a role`() throws {
    let lab = try ManageLab()
    try lab.finish("job", results: Data("saddr\n".utf8))
    var generator = SystemRandomNumberGenerator()
    let wrong = [nil, "expired", AccessToken(using: &generator).text, "synbox_x", "x"]
    var checked = 0
    for (method, path, role) in try operations(lab) {
      guard let role, let needed = Role(rawValue: role) else { continue }
      for token in wrong {
        let answer = try lab.send(method, path, as: token, body: method == "PUT" ? Data("x".utf8) : nil)
        #expect(answer.status == 401, "\(method) \(path) \(token ?? "without")")
        #expect(answer.headers["content-type"] == "application/problem+json")
        checked += 1
      }
      for lower in Role.allCases where lower < needed {
        let answer = try lab.send(
          method, path, as: lower.rawValue, body: method == "PUT" ? Data("x".utf8) : nil)
        #expect(answer.status == 403, "\(method) \(path) \(lower)")
        checked += 1
      }
    }
    #expect(checked > 50)
    #expect(try lab.entries("data/spool").isEmpty)
    #expect(!lab.exists("data/results/job/fetched"))
  }

  @Test func `accepts certificates of the operator's CA with their role, and no other`() throws {
    let scratch = URL(fileURLWithPath: try Lab.temporaryDirectory())
    func openssl(_ arguments: String...) throws {
      let outcome = try run(["openssl"] + arguments, directory: scratch.path)
      guard outcome.status == 0 else { throw LabError("openssl: \(outcome.errors)") }
    }
    for authority in ["ca", "foreign"] {
      try openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        "\(authority).key", "-out", "\(authority).pem", "-days", "30", "-subj", "/CN=\(authority)")
    }
    func client(_ name: String, _ authority: String, _ subject: String, _ days: String = "30") throws {
      try openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        "\(name).key", "-out",
        "\(name).csr", "-subj", subject)
      try openssl(
        "x509", "-req", "-in", "\(name).csr", "-CA", "\(authority).pem", "-CAkey", "\(authority).key",
        "-CAcreateserial", "-out", "\(name).pem", "-days", days)
    }
    try client("reader", "ca", "/OU=read/CN=alice")
    try client("submitter", "ca", "/OU=submit/CN=bob")
    try client("nobody", "ca", "/CN=carol")
    try client("stranger", "foreign", "/OU=admin/CN=mallory")
    try client("late", "ca", "/OU=admin/CN=dave", "-1")
    let lab = try ManageLab("client-ca = \"\(scratch.path)/ca.pem\"")
    func status(_ method: String, _ path: String, _ client: String) throws -> Int {
      let files = ["--cert", "\(scratch.path)/\(client).pem", "--key", "\(scratch.path)/\(client).key"]
      let body = method == "PUT" ? Data("198.18.0.0/24:80\n".utf8) : nil
      return try lab.send(method, path, as: nil, body: body, files).status
    }
    #expect(try status("GET", "/v1/session", "reader") == 200)
    #expect(try status("PUT", "/v1/spool/a", "reader") == 403)
    #expect(try status("PUT", "/v1/spool/a", "submitter") == 201)
    for (method, path, role) in try operations(lab) {
      // The handshake fails, so not even what anybody may do is answered.
      for client in ["stranger", "late"] {
        #expect(try status(method, path, client) == 0, "\(method) \(path) \(client)")
      }
      guard let role, let needed = Role(rawValue: role) else { continue }
      #expect(try status(method, path, "nobody") == 403, "\(method) \(path)")
      if needed > .read { #expect(try status(method, path, "reader") == 403, "\(method) \(path)") }
    }
    #expect(try lab.send("GET", "/v1/session", as: nil).status == 401)
    #expect(try lab.send("GET", "/v1/session", as: "read").status == 200)
  }

  @Test func `speaks TLS 1.3 only, and nothing else`() throws {
    let lab = try ManageLab()
    let old = try run([
      "curl", "-sSk", "--tls-max", "1.2", "https://127.0.0.1:\(lab.port)/healthz",
    ])
    #expect(old.status != 0)
    #expect(try run(["curl", "-sS", "http://127.0.0.1:\(lab.port)/healthz"]).status != 0)
    #expect(try lab.send("GET", "/healthz", as: nil).status == 204)
  }

  @Test func `has a session for the page`() throws {
    let lab = try ManageLab()
    let login = try lab.send(
      "POST", "/login", as: nil, body: Data("{\"token\": \"\(lab.tokens["submit"] ?? "")\"}".utf8))
    #expect(login.status == 200)
    let field = try #require(login.headers["set-cookie"])
    for attribute in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
      #expect(field.contains(attribute))
    }
    let cookie = "Cookie: " + (field.split(separator: ";").first.map(String.init) ?? "")
    let origin = "Origin: https://127.0.0.1:\(lab.port)"
    let body = Data("198.18.0.0/24:80\n".utf8)
    #expect(try lab.send("GET", "/v1/session", as: nil, ["-H", cookie]).status == 200)
    #expect(
      try lab.send("PUT", "/v1/spool/a", as: nil, body: body, ["-H", cookie]).status == 403)
    #expect(
      try lab.send(
        "PUT", "/v1/spool/a", as: nil, body: body, ["-H", cookie, "-H", "Origin: https://evil"]
      ).status == 403)
    #expect(
      try lab.send("PUT", "/v1/spool/a", as: nil, body: body, ["-H", cookie, "-H", origin]).status
        == 201)
    #expect(try lab.send("POST", "/logout", as: nil, ["-H", cookie, "-H", origin]).status == 204)
    #expect(try lab.send("GET", "/v1/session", as: nil, ["-H", cookie]).status == 401)
    #expect(try lab.send("POST", "/login", as: nil, body: Data("{}".utf8)).status == 400)
    let wrong = try lab.send("POST", "/login", as: nil, body: Data("{\"token\": \"synbox_x\"}".utf8))
    #expect(wrong.status == 401)
    #expect(!lab.service.errorText.contains(lab.tokens["submit"] ?? ""))
  }
}
