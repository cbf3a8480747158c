// Which request is which operation, and the OpenAPI document that describes them.
import Foundation
import Manage
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A request` {
  @Test(arguments: [
    ("GET", "/", APIOperation.page, []), ("HEAD", "/", .page, []), ("GET", "/healthz", .health, []),
    ("PUT", "/v1/spool/a.txt", .submit, ["a.txt"]), ("GET", "/v1/jobs", .jobs, []),
    ("GET", "/v1/jobs/a%20b", .job, ["a b"]), ("DELETE", "/v1/jobs/%C3%A4", .cancel, ["ä"]),
    ("GET", "/v1/results/a/results.csv", .result, ["a", "results.csv"]),
    ("GET", "/v1/jobs/a%2fb", .job, ["a/b"]), ("GET", "/v1/jobs/..", .job, [".."]),
    ("PUT", "/v1/results/a/fetched", .fetched, ["a"]),
    ("GET", "/v1/jobs?state=finished&limit=5", .jobs, []), ("GET", "/v1/jobs/", .job, [""]),
  ])
  func `is routed by method and path`(
    _ method: String, _ target: String, _ operation: APIOperation, _ names: [String]
  ) throws {
    let routed = try RoutedRequest(method: method, target: target)
    #expect(routed.operation == operation)
    #expect(routed.names == names.map { Array($0.utf8) })
    #expect(routed.isHead == (method == "HEAD"))
  }

  @Test(arguments: [
    ("GET", "", 400), ("GET", "*", 400), ("OPTIONS", "*", 400), ("GET", "https://a/", 400),
    ("GET", "/v1/jobs/%", 400), ("GET", "/v1/jobs/%4", 400), ("GET", "/v1/jobs/%zz", 400),
    ("GET", "/v1/jobs/%00", 400), ("GET", "/v1/jobs?limit=1&limit=2", 400),
    ("GET", "/v1/jobs?color=red", 400), ("GET", "/v1/status?a", 400), ("GET", "/v1/jobs?%ff=1", 400),
    ("GET", "/v2", 404), ("GET", "/v1/jobs/a/b", 404), ("GET", "//", 404), ("GET", "/v1/", 404),
    ("POST", "/v1/jobs", 405), ("DELETE", "/", 405), ("PUT", "/v1/jobs/a", 405),
    ("GET", "/v1/spool/a", 405), ("get", "/", 405), ("POST", "/v1/results/a/fetched", 405),
    ("GET", "/v1/results/a/fetched", 405),
  ])
  func `that names no operation is refused`(_ method: String, _ target: String, _ status: Int) {
    let problem = #expect(throws: Problem.self) { try RoutedRequest(method: method, target: target) }
    #expect(problem?.status == status)
    #expect((problem?.headers.contains { $0.name == "Allow" }) == (status == 405))
  }

  @Test func `may have a target of 4096 bytes`() throws {
    let rest = 4096 - "/v1/jobs/".count
    _ = try RoutedRequest(method: "GET", target: "/v1/jobs/" + String(repeating: "a", count: rest))
    #expect(throws: Problem.self) {
      try RoutedRequest(method: "GET", target: "/v1/jobs/" + String(repeating: "a", count: rest + 1))
    }
  }

  @Test(arguments: ["a", "a b", "ä%", "50%25", "x/y?z#&+=", "日本.txt"])
  func `finds a name that was encoded for a path`(_ name: String) throws {
    let routed = try RoutedRequest(method: "GET", target: "/v1/jobs/" + RequestTarget.encode(name))
    #expect(routed.names == [Array(name.utf8)])
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The OpenAPI document` {
  private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/reference/openapi.json")

  private func paths() throws -> [String: [String: [String: Any]]] {
    let document = try JSONSerialization.jsonObject(with: Data(contentsOf: Self.file))
    let object = try #require(document as? [String: Any])
    return try #require(object["paths"] as? [String: [String: [String: Any]]])
  }

  @Test func `has every operation with its method, path and role, and no other`() throws {
    var found: Set<String> = []
    for (path, methods) in try paths() {
      for (method, operation) in methods {
        let id = try #require(operation["operationId"] as? String)
        let known = try #require(APIOperation(rawValue: id), "\(id)")
        let pattern = path.replacing(/{[a-z]+}/, with: "{}")
        #expect(known.route == (method.uppercased(), pattern), "\(id)")
        #expect(operation["x-role"] as? String == known.role?.rawValue, "\(id)")
        #expect((operation["security"] != nil) == (known.role == nil), "\(id)")
        found.insert(id)
      }
    }
    #expect(found == Set(APIOperation.allCases.map(\.rawValue)))
  }

  @Test func `says for every operation how it may be refused`() throws {
    for (path, methods) in try paths() {
      for (method, operation) in methods {
        let id = try #require(operation["operationId"] as? String)
        let role = APIOperation(rawValue: id)?.role
        let responses = try #require(operation["responses"] as? [String: Any])
        for status in ["400", "429", "431", "503"] + (role == nil ? [] : ["401", "403"]) {
          #expect(responses[status] != nil, "\(method) \(path) \(status)")
        }
      }
    }
  }
}
