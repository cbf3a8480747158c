// Event lists: what happens to a box, line by line, and what it wants done about it. Time is virtual.
/// A list of events with the effects that each must have.
///
/// A line is `EVENT -> EFFECT, EFFECT`; without an arrow, the event must have no effect. `given STAGE` brings the box
/// somewhere without looking at the effects. `log` and `nolog` look at what was logged since the last look. Unless the first line is `start`, the box has started. `= WHAT VALUE` looks at what the box shows. Listings, measurements of the
/// disk and status files are answered at once from `world` and are not part of the effects.
struct EventList: Sendable, CustomStringConvertible {
  let name: String
  let lines: [String]

  init(_ name: String, _ text: String) {
    self.name = name
    let written = text.split(separator: "\n").map { String($0.trimmingPrefix { $0 == " " }) }
    let isWhole = written.first?.hasPrefix("start") ?? false
    lines = (isWhole ? [] : ["given started"]) + written
  }

  var description: String { name }
}
