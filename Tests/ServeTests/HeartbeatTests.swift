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

  /// Stops the thread that plans a file, as an endless plan would look from outside.
  @Test func `goes on without a heartbeat while a plan makes no progress`() throws {
    let lab = try ServeLab()
    let pipe = lab.url("heartbeat").path
    func beats() throws -> Int { try Data(contentsOf: lab.url("heartbeat")).count }
    let box = try lab.serve(
      lab.configure("rate = \"50k\"\ntarget-ports = 80\ncooldown-time = 0.5\n"), heartbeat: pipe)
    // 8,192 addresses in three million lines, which take a second to plan.
    let block = (0..<8192).map { "198.18.\(16 + $0 >> 8).\($0 & 255)\n" }.joined()
    let lines = String(repeating: block, count: 366)

    var stopper = try stopPlanning(of: box)
    try lab.drop("long.txt", lines)
    try stopper.wait(for: "the thread to stop") { $0.text.contains("stopped") }
    // Longer than a plan may make no progress. The status stays fresh meanwhile.
    try lab.waitForStatuses(13)
    let before = try beats()
    try lab.waitForStatuses(3)
    #expect(try beats() == before, "a heartbeat without progress")
    _ = try stopper.end(SIGTERM)
    try lab.wait("the heartbeats", seconds: 30) { try beats() > before }
    try lab.wait("the results", seconds: 60) { lab.exists("data/results/long.txt") }
    #expect(try lab.results("long.txt") == evenAddresses(from: 16, blocks: 32, ports: [80]))

    // Its operator is heard at once, too.
    stopper = try stopPlanning(of: box)
    try lab.drop("again.txt", lines)
    try stopper.wait(for: "the thread to stop") { $0.text.contains("stopped") }
    try lab.drop("again.txt.cancel", "")
    try lab.wait("the end of the job", seconds: 10) { lab.exists("data/results/again.txt") }
    _ = try stopper.end(SIGTERM)
    try lab.drop("good.txt", "198.18.4.0/24\n")
    try lab.wait("the next job", seconds: 30) { lab.exists("data/results/good.txt") }
    #expect(try lab.results("good.txt") == evenAddresses(from: 4, blocks: 1, ports: [80]))
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// Waits for the box to plan a file, and stops the thread that does by ptrace(2) until the stopper ends.
  private func stopPlanning(of box: Running) throws -> Running {
    let script = """
      import ctypes, os, sys, time
      trace = ctypes.CDLL(None, use_errno=True).ptrace
      trace.argtypes = [ctypes.c_long] * 4
      tasks = f"/proc/{sys.argv[1]}/task"
      def name(task):
          try:
              with open(f"{tasks}/{task}/comm") as file: return file.read().strip()
          except OSError:
              return ""
      print("ready", flush=True)
      while not (found := [int(task) for task in os.listdir(tasks) if name(task) == "plan"]):
          time.sleep(0.002)
      SEIZE, INTERRUPT, ALL = 0x4206, 0x4207, 0x40000000
      if trace(SEIZE, found[0], 0, 0) or trace(INTERRUPT, found[0], 0, 0):
          sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
      os.waitpid(found[0], ALL)
      print("stopped", flush=True)
      time.sleep(600)
      """
    let stopper = try Running(["python3", "-c", script, "\(box.pid)"])
    try stopper.wait(for: "the stopper") { $0.text.contains("ready") }
    return stopper
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
