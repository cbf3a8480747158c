// The log: one line per event, in UTC, whatever the values contain.
import Foundation
import Logging
import Testing

@testable import synbox

@Suite(.timeLimit(.minutes(5))) struct `A line of the log` {
  private var form: Regex<(Substring, Substring, Substring?, Substring?, Substring?, Substring?)> {
    /time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=[a-z]+ msg=("(\\.|[^"\\])+"|[^ "=]+)( [a-z_]+=("(\\.|[^"\\])*"|[^ "=]+))*/
  }

  private func line(_ message: String, _ metadata: Logger.Metadata) -> String {
    let event = LogEvent(
      level: .notice, message: "\(message)", error: nil, metadata: metadata, source: "", file: "",
      function: "", line: 0)
    return String(
      decoding: LineLog(kernel: nil).line(of: event, at: 1_790_000_000_123_000_000), as: UTF8.self)
  }

  @Test func `has the time in UTC, the level, the message and its values in order`() {
    #expect(
      line("job finished", ["results": "12", "job": "net.txt"])
        == "time=2026-09-21T14:13:20.123Z level=notice msg=\"job finished\" job=net.txt results=12")
    #expect(line("serving", [:]) == "time=2026-09-21T14:13:20.123Z level=notice msg=serving")
  }

  @Test(arguments: [
    "a b=\"c\".txt", "\n", "x level=critical msg=forged", "\u{1b}[2J", "\u{202e}gpj", "", "back\\slash",
    "\u{0}", "\u{7f}", "\r\ntime=2026-09-21T14:13:20.123Z level=error msg=forged", "é",
  ])
  func `cannot be forged or broken by a value`(_ value: String) throws {
    for text in [line("job", ["job": "\(value)", "n": "1"]), line("job \(value)", [:])] {
      #expect(text.wholeMatch(of: form) != nil, "\(text)")
      #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
      #expect(!text.contains("\u{202e}") && !text.contains("\n"))
      #expect(text.components(separatedBy: " level=").count - 1 == (value.contains(" level=") ? 2 : 1))
    }
    #expect(line("job", ["job": "a b=\"c\".txt"]).hasSuffix(" job=\"a b=\\\"c\\\".txt\""))
  }
}
