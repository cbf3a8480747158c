// Which results may be removed when the disk is nearly full: those that somebody has fetched.
import Kernel

extension Spool {
  /// Whoever has fetched results/NAME/ puts a file of this name into it. Its content means nothing.
  public static let fetchedMarker = "fetched"

  /// A directory on its way out; no job's name begins with a dot.
  private static let removal = ".removing-"

  /// The names of fetched results that are the box's to remove, those that ended first coming first.
  public func fetchedResults() throws(Fault) -> [String] {
    var found: [(ended: UInt64, name: String)] = []
    for name in try Files.entries(of: data.results) {
      guard let text = name.text, !JobName.isHidden(name),
        Files.status(of: name, in: data.results)?.kind == .directory
      else { continue }
      let directory = "\(data.results)/\(text)"
      // Somebody else's could be moved, but not removed.
      guard Files.kind(of: "\(directory)/\(Self.fetchedMarker)") == .file,
        Files.isUsable(directory, for: .work)
      else { continue }
      // Without a summary it is not ours to judge by; its directory's own time must do.
      let about = Files.status(of: "\(directory)/summary.json") ?? Files.status(of: directory)
      found.append((about?.modified ?? 0, text))
    }
    return found.sorted { ($0.ended, $0.name) < ($1.ended, $1.name) }.map(\.name)
  }

  /// Removes fetched results: out of sight by one rename, then for good, so that nobody ever sees half of
  /// them.
  public func removeFetched(_ name: String) throws(Fault) {
    let hidden = FileName("\(Self.removal)\(name)")
    if Files.status(of: hidden, in: data.results) != nil {
      try Files.removeTree(hidden, in: data.results)
    }
    guard Files.kind(of: "\(data.results)/\(name)/\(Self.fetchedMarker)") == .file,
      try Files.move(FileName(name), in: data.results, to: "\(data.results)/\(hidden.text ?? name)")
    else { return }
    try Files.syncDirectory(data.results)
    try Files.removeTree(hidden, in: data.results)
  }

  /// Goes on with removals that the end of an earlier process interrupted.
  public func finishRemovals() throws(Fault) {
    for name in try Files.entries(of: data.results)
    where name.bytes.starts(with: Self.removal.utf8) {
      try Files.removeTree(name, in: data.results)
    }
  }
}
