// How PID 1 starts the scanner.
import Init
import Supervision
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The scanner of an image` {
  private func scanner(_ more: String = "") throws -> ServiceSpecification {
    let text = """
      name = "box-1"
      [interface]
      driver = "igb"
      name = "scan0"
      address = "198.18.0.1/24"
      \(more)

      """
    return .scanner(try BoxSettings(Array(text.utf8), file: "box.toml"), configuration: "synbox.toml")
  }

  @Test func `has to lock its memory, and to have Landlock`() throws {
    #expect(try scanner().arguments.contains("--require-locked-memory"))
    #expect(try scanner().arguments.contains("--require-landlock"))
  }

  @Test func `uses its addresses for nothing but scanning`() throws {
    #expect(try scanner().arguments.contains("--dedicate-sources"))
  }

  @Test func `has to be alone with its NIC in its network namespace`() throws {
    #expect(try scanner().arguments.contains("--require-own-namespace"))
    #expect(try scanner().network == .own)
  }

  @Test func `writes its heartbeats to the descriptor that it is told`() throws {
    let scanner = try scanner()
    let option = try #require(scanner.arguments.firstIndex(of: "--heartbeat"))
    #expect(scanner.arguments[option + 1] == scanner.heartbeatDescriptor.map(String.init))
  }

  @Test func `brings up the link with the gateway of box.toml`() throws {
    #expect(try !scanner().arguments.contains("--default-route"))
    let arguments = try scanner("gateway = \"198.18.0.254\"").arguments
    let option = try #require(arguments.firstIndex(of: "--default-route"))
    #expect(arguments[option + 1] == "198.18.0.254")
  }

  @Test func `drops its privileges itself, and is killed without heartbeats`() throws {
    let scanner = try scanner()
    #expect(scanner.drop == .byService && scanner.timing.heartbeatTimeout == 15 * second)
  }
}
