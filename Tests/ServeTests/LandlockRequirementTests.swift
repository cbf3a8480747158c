// A kernel without Landlock: an image's scanner does not run on it, another does.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A scanner without Landlock` {
  /// Runs a program as on a kernel that does not have Landlock.
  private var withoutLandlock: [String] {
    get throws {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let program = URL(fileURLWithPath: tests).deletingLastPathComponent()
        .appendingPathComponent("ConfinementProbe").path
      return [program, "without-landlock"]
    }
  }

  @Test func `does not start if Landlock is required, as in the image`() throws {
    let lab = try ServeLab()
    let outcome = try lab.serveToItsEnd(
      lab.configure(""), under: withoutLandlock, options: ["--require-landlock"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("this kernel does not have Landlock"), "\(outcome.errors)")
    #expect(!lab.exists("data/status.json"))
  }

  @Test func `starts otherwise, and says what is missing`() throws {
    let lab = try ServeLab()
    let box = try lab.start(lab.configure(""), under: withoutLandlock)
    try lab.wait("the status", seconds: 20) { lab.exists("data/status.json") }
    #expect(
      box.errorText.contains("only file permissions restrict access to files"), "\(box.errorText)")
    box.signal(SIGTERM)
    #expect(try box.wait().status == 143)
  }
}
