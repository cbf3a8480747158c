// A box whose spool someone hostile may write to, while others want their jobs done.
import Foundation
import LabSupport
import LabTraits
import TestSupport
import Testing

@Suite(.serialized, .alone, .timeLimit(.minutes(60))) struct `A box with a hostile spool` {
  /// `make soak MINUTES=30` runs it for longer.
  private static let seconds =
    60 * (ProcessInfo.processInfo.environment["SYNBOX_SOAK_MINUTES"].flatMap(Double.init) ?? 0.35)

  private static let configuration = """
    rate = "20k"
    cooldown-time = 0.5
    max-cooldown = 1
    max-runtime = 2
    target-ports = 80

    """

  /// What is asked of the box meanwhile, and how it fares.
  private struct Watch {
    let lab: ServeLab
    let box: Running
    var good: [Int] = []
    var cancelled: (name: String, since: Date)?
    var (cancels, slowestCancel, oldestStatus) = (0, 0.0, 0.0)
    private var nextGood = Date.now
    private var nextCancel = Date.now + 2

    init(_ lab: ServeLab, _ box: Running) {
      self.lab = lab
      self.box = box
    }

    mutating func look() throws {
      let now = Date.now
      guard box.isRunning else { throw LabError("the box has ended: \(box.errorText.suffix(2000))") }
      if now >= nextGood {
        nextGood = now + 1.5
        good.append(good.count)
        try lab.drop(
          "good-\(good.count - 1).txt", "@priority 100\n198.18.\(4 + (good.count - 1) % 60).0/24\n")
      }
      if let (name, since) = cancelled {
        if lab.exists("data/results/\(name)") || lab.exists("data/rejected/\(name)") {
          slowestCancel = max(slowestCancel, now.timeIntervalSince(since))
          cancelled = nil
          cancels += 1
          nextCancel = now + 1
        } else if now.timeIntervalSince(since) > 30 {
          throw LabError(
            "\(name) was not cancelled in 30 s: \((try? lab.text("data/status.json")) ?? "")")
        }
      } else if now >= nextCancel {
        let name = "victim-\(cancels).txt"
        if !lab.exists("data/spool/\(name)"), !lab.exists("data/active/\(name)"),
          !lab.exists("data/results/\(name)")
        {
          try lab.drop(name, "@priority 100\n@rate 50\n198.18.128.0/18\n")
          nextCancel = now + 0.7
        } else {
          try lab.drop("\(name).cancel", "")
          cancelled = (name, now)
        }
      }
      let status = lab.url("data/status.json").path
      let written = try FileManager.default.attributesOfItem(atPath: status)[.modificationDate] as? Date
      if let written { oldestStatus = max(oldestStatus, now.timeIntervalSince(written)) }
    }
  }

  @Test func `does its good jobs exactly, never ends, and hears each cancel`() throws {
    let seed = Seed.next()
    let lab = try ServeLab()
    let directory = lab.url("prepared")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let box = try lab.serve(lab.configure(Self.configuration))
    var hostile = try HostileSpool(
      spool: lab.url("data/spool").path, directory: directory.path, seed: seed)
    var watch = Watch(lab, box)
    let end = Date.now + Self.seconds
    // A long run also has a crowd of files in its middle.
    var crowds = Self.seconds < 600 ? [] : [Date.now + Self.seconds / 2]
    while Date.now < end {
      if let moment = crowds.first, Date.now >= moment {
        crowds = []
        hostile.crowd(100_000)
      }
      hostile.act()
      try watch.look()
      usleep(20_000)
    }
    hostile.end()
    // A crowd makes each look at the spool dearer, so the good jobs of a long run may be behind.
    try lab.wait("the good jobs", seconds: Self.seconds < 600 ? 60 : 600) {
      watch.good.allSatisfy { lab.exists("data/results/good-\($0).txt") }
    }
    for number in watch.good {
      let expected = evenAddresses(from: 4 + number % 60, blocks: 1, ports: [80])
      #expect(try lab.results("good-\(number).txt") == expected, "good-\(number).txt")
    }
    let status = try String(contentsOfFile: "/proc/\(box.pid)/status", encoding: .utf8)
    let peak = Int(status.firstMatch(of: /VmHWM:\s+(\d+) kB/)?.1 ?? "0") ?? 0
    print(
      "hostile spool: \(hostile.made) acts in \(Int(Self.seconds)) s, \(watch.good.count) good jobs, "
        + "\(watch.cancels) cancels, the slowest \(watch.slowestCancel) s, status at most "
        + "\(watch.oldestStatus) s old, peak \(peak / 1024) MiB")
    #expect(watch.cancels > 0 && watch.slowestCancel < 2.5 * patience)
    #expect(watch.oldestStatus < 2.5 * patience)
    #expect(peak > 0 && peak < 400 << 10, "kB")
    #expect(try box.end(SIGTERM).status == 143)
  }
}
