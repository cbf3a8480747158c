// A progress bar on one line of a terminal.

public enum ProgressBar {
  /// Returns the line, which replaces the one before.
  ///
  /// - Parameters:
  ///   - fraction: from 0 to 1.
  ///   - note: what follows the bar; must be safe to print.
  public static func line(_ title: String, _ fraction: Double, _ note: String) -> String {
    let width = 24
    let share = fraction.isFinite ? min(max(fraction, 0), 1) : 0
    let filled = Int(share * Double(width))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    return "\r\u{1b}[K\(title) \(bar) \(Int(share * 100)) %  \(note)"
  }

  /// Returns a number of bytes with a unit: 950 B, 12.3 kB, 1.2 GB.
  public static func bytes(_ count: UInt64) -> String {
    for (unit, suffix) in [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")] where Double(count) >= unit {
      let tenths = Int((Double(count) / unit * 10).rounded())
      return "\(tenths / 10).\(tenths % 10) \(suffix)"
    }
    return "\(count) B"
  }
}
