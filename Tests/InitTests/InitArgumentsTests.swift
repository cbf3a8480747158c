// What the kernel hands its first process.
import Init
import Testing

@Suite struct `The words of PID 1` {
  @Test func `are those behind the dashes`() {
    let words = InitArguments(["init", "--rescue"])
    #expect(words.own == ["init", "--rescue"])
    #expect(words.unknown.isEmpty)
  }

  @Test func `come behind parameters that the kernel does not know`() {
    let words = InitArguments(["splash", "nosuchthing", "init", "--test-stop-init", "3"])
    #expect(words.own == ["init", "--test-stop-init", "3"])
    #expect(words.unknown == ["splash", "nosuchthing"])
  }

  @Test func `are left alone where init is none of them, as for the first process of a container`() {
    #expect(InitArguments(["serve", "--config", "box.toml"]).own == ["serve", "--config", "box.toml"])
    #expect(InitArguments([String]()).own.isEmpty)
  }
}
