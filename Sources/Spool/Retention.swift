// Removal of fetched results when the disk is nearly full.
import Kernel

extension Spool {
  /// The name of the file that an operator puts into results/NAME/ once the results are copied. Its content is ignored.
  public static let fetchedMarker = "fetched"

  /// The prefix of directories being removed. No job's name begins with a dot.
  private static let removalPrefix = ".removing-"

  /// What precedes the name of a rejected job that may be removed. No job's name has a slash.
  static let rejectedPrefix = "rejected/"

  /// Returns what the box may remove, in that order: fetched results, the oldest first, then rejected files as
  /// `rejected/NAME`, the oldest first.
  public func removable() throws(Fault) -> [String] {
    var rejected: [(changed: UInt64, name: String)] = []
    for name in try Files.entries(of: data.rejected) where !JobName.isHidden(name) {
      guard let text = name.text, let status = Files.status(of: name, in: data.rejected),
        status.kind == .directory, Files.isUsable("\(data.rejected)/\(text)", for: .modify)
      else { continue }
      rejected.append((status.changed, text))
    }
    rejected.sort { ($0.changed, $0.name) < ($1.changed, $1.name) }
    return try fetchedResults() + rejected.map { Self.rejectedPrefix + $0.name }
  }

  /// Removes one of those.
  public func remove(removable name: String) throws(EntryError) {
    guard name.hasPrefix(Self.rejectedPrefix) else { return try removeFetched(name) }
    let rejected = FileName(String(name.dropFirst(Self.rejectedPrefix.count)))
    try EntryError.changing(rejected, in: data.rejected) { () throws(Fault) in
      try Files.removeTree(rejected, in: data.rejected)
    }
  }

  /// Returns the names of the fetched results, in the order in which the jobs ended.
  public func fetchedResults() throws(Fault) -> [String] {
    var found: [(ended: UInt64, name: String)] = []
    for name in try Files.entries(of: data.results) {
      guard let text = name.text, !JobName.isHidden(name),
        Files.status(of: name, in: data.results)?.kind == .directory
      else { continue }
      let directory = "\(data.results)/\(text)"
      // A directory of another owner could be renamed, but its files could not be removed.
      guard Files.kind(of: "\(directory)/\(Self.fetchedMarker)") == .file,
        Files.isUsable(directory, for: .modify)
      else { continue }
      // A directory without a summary is ordered by its own time.
      let status = Files.status(of: "\(directory)/summary.json") ?? Files.status(of: directory)
      found.append((status?.modified ?? 0, text))
    }
    return found.sorted { ($0.ended, $0.name) < ($1.ended, $1.name) }.map(\.name)
  }

  /// Removes fetched results. Renames them first, so that no reader sees a part of them.
  public func removeFetched(_ name: String) throws(EntryError) {
    let hidden = FileName("\(Self.removalPrefix)\(name)")
    if Files.status(of: hidden, in: data.results) != nil { try removeTree(hidden) }
    guard Files.kind(of: "\(data.results)/\(name)/\(Self.fetchedMarker)") == .file,
      try Files.move(FileName(name), in: data.results, to: "\(data.results)/\(hidden.text ?? name)")
    else { return }
    try EntryError.box { () throws(Fault) in try Files.syncDirectory(data.results) }
    try removeTree(hidden)
  }

  /// Others may have put files into a directory of results.
  private func removeTree(_ name: FileName) throws(EntryError) {
    try EntryError.changing(name, in: data.results) { () throws(Fault) in
      try Files.removeTree(name, in: data.results)
    }
  }

  /// Finishes removals that an earlier process did not complete, and leaves what cannot be removed.
  public func finishRemovals() throws(Fault) {
    for name in try Files.entries(of: data.results)
    where name.bytes.starts(with: Self.removalPrefix.utf8) {
      do throws(EntryError) {
        try removeTree(name)
      } catch {
        if case .box(let fault) = error { throw fault }
      }
    }
  }
}
