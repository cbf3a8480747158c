// What `synbox init` relies on: the scanner's heartbeats, and settings that fit the scanner's.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A box under init` {
  @Test func `sends a heartbeat every second, also during a scan, and one for the first probe`() throws
  {
    let lab = try ServeLab()
    let configuration = try lab.configure("rate = \"200\"\ncooldown-time = 1\n")
    let pipe = lab.url("heartbeat").path
    // Descriptor 3, as PID 1 passes it; a file keeps everything that was written.
    let box = try lab.serve(configuration, heartbeat: pipe)
    try lab.drop("net.txt", "198.18.4.0/22:80\n")
    try lab.wait("the result", seconds: 40) { lab.exists("data/results/net.txt/summary.json") }
    let beats = try String(contentsOfFile: pipe, encoding: .utf8)
    #expect(Set(beats) == [".", "p"])
    #expect(beats.filter { $0 == "p" }.count == 1)
    #expect(beats.first == ".")
    // 1024 probes take 5 s at 200 a second.
    #expect(beats.drop { $0 != "p" }.count >= 5)
    #expect(box.errorText.contains("synbox: box0 is veth, "), "\(box.errorText)")
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `does not start with an invalid descriptor`() throws {
    let lab = try ServeLab()
    let configuration = try lab.configure("")
    for number in ["1", "77", "-1"] {
      let outcome = try run(
        [Lab.synbox, "serve", "--config", configuration, "--heartbeat=\(number)"])
      #expect(outcome.status == 1)
      #expect(
        outcome.errors.contains("is not open: this process"),
        "\(outcome.errors)")
    }
  }

  @Test func `is started by PID 1 only`() throws {
    let outcome = try run([Lab.synbox, "init"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("runs only as PID 1 of a box"), "\(outcome.errors)")
  }

  @Test func `has settings that check validates against the scanner's`() throws {
    let directory = try Lab.temporaryDirectory()
    func check(_ box: String, _ scanner: String) throws -> Outcome {
      for (name, text) in [("box.toml", box), ("synbox.toml", scanner)] {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
      }
      return try run(
        [Lab.synbox, "check", "--init", "\(directory)/box.toml", "\(directory)/synbox.toml"])
    }
    let box = """
      name = "box-1"
      [interface]
      driver = "igb"
      name = "scan0"
      address = "198.18.0.1/15"

      """
    let scanner = "data = \"/data\"\ninterface = \"scan0\"\n[scope]\nallow = [\"198.18.0.0/15\"]\n"
    #expect(try check(box, scanner).status == 0)
    for (box, scanner, message) in [
      (box.replacing("igb", with: "../igb"), scanner, "box.toml:3:1: found \"../igb\""),
      (
        box, scanner.replacing("scan0", with: "eth0"),
        "synbox.toml:2:1: found \"eth0\", expected \"scan0\""
      ),
      (
        box, scanner.replacing("/data", with: "/tmp"), "synbox.toml:1:1: found \"/tmp\", expected /data"
      ),
      (box, scanner.replacing("[scope]", with: "[scop]"), "synbox.toml:3:"),
    ] {
      let outcome = try check(box, scanner)
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }
  }
}
