// The arguments that the kernel passes to PID 1.
import Init
import Testing

@Suite(.timeLimit(.minutes(5))) struct `PID 1's arguments` {
  @Test func `are those after the dashes`() {
    let words = InitArguments(["init", "--rescue"])
    #expect(words.arguments == ["init", "--rescue"])
    #expect(words.kernelParameters.isEmpty)
  }

  @Test func `come after parameters that the kernel does not know`() {
    let words = InitArguments(["splash", "nosuchthing", "init", "--test-stop-init", "3"])
    #expect(words.arguments == ["init", "--test-stop-init", "3"])
    #expect(words.kernelParameters == ["splash", "nosuchthing"])
  }

  @Test func `are all used if there is no init, as in a container`() {
    #expect(
      InitArguments(["serve", "--config", "synbox.toml"]).arguments == [
        "serve", "--config", "synbox.toml",
      ])
    #expect(InitArguments([String]()).arguments.isEmpty)
  }
}
