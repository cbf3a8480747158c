// The files that an operator writes for the management service.
import BoxAPI
import Manage
import Plan

extension FuzzTarget {
  /// The result is an error with its place, or tokens that are the same when they are written again.
  static let tokenFile = FuzzTarget("token-file", maximumLength: 1024) { bytes in
    let file: TokenFile
    do throws(InputError) {
      file = try TokenFile(bytes, file: "tokens.toml")
    } catch {
      return try error.requirePlace(in: bytes)
    }
    for entry in file.entries {
      try requirePrintable(entry.principal.name)
      try require(1...64 ~= entry.principal.name.unicodeScalars.count, "\(entry.principal)")
      try require(entry.expires.map { $0.seconds != nil } ?? true, "\(entry)")
    }
    let text = file.entries.map(\.section).joined()
    let again = try TokenFile(Array(text.utf8), file: "tokens.toml")
    try require(again == file, "\(file.entries) is written\n\(text)")
  }

  /// The result is an error with its place, or settings in range.
  static let manageSettings = FuzzTarget("manage-settings", maximumLength: 1024) { bytes in
    let settings: ManageSettings
    do throws(InputError) {
      settings = try ManageSettings(bytes, file: "/etc/synbox/manage.toml")
    } catch {
      return try error.requirePlace(in: bytes)
    }
    try require(!settings.listen.isEmpty, "it listens nowhere")
    for place in settings.listen {
      try requirePrintable(place.description)
      try require(place.port > 0 && ListenPlace(place.description) == place, "\(place)")
    }
    for number in [settings.connections, settings.connectionsPerAddress] {
      try require(1...10_000 ~= number, "\(number) connections")
    }
    try require(1...1000 ~= settings.attemptsPerMinute, "\(settings.attemptsPerMinute) attempts")
    try require(0...1 << 40 ~= settings.uploadLimit, "uploads of \(settings.uploadLimit) bytes")
    try require((settings.certificate == nil) == (settings.key == nil), "a key without certificate")
    if let user = settings.user {
      try require(user.uid != 0 && user.gid != 0 && ServiceUser("\(user)") == user, "\(user)")
    }
    for path in [settings.data, settings.tokens] { try require(path.hasPrefix("/"), path) }
  }
}
