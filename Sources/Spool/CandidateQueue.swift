// The complete files of the spool, in the order in which they run.

/// Keeps its order while files come and go. Many changes cost little more than one: they are merged in one pass.
package struct CandidateQueue {
  /// The next to run first; without the changes since `merge`.
  package private(set) var candidates: [Spool.Candidate] = []
  /// By name, what `candidates` has and what it shall have.
  private var changes: [String: (was: Spool.Candidate?, becomes: Spool.Candidate?)] = [:]

  package init() {}

  package mutating func insert(_ candidate: Spool.Candidate) {
    changes[candidate.name, default: (nil, nil)].becomes = candidate
  }

  package mutating func remove(_ candidate: Spool.Candidate) {
    changes[candidate.name, default: (candidate, nil)].becomes = nil
  }

  /// Brings `candidates` up to date, in n + k log k steps for k changes to n candidates.
  package mutating func merge() {
    let changed = changes.values.filter { $0.was != $0.becomes }
    changes = [:]
    guard !changed.isEmpty else { return }
    let removed = changed.compactMap(\.was).sorted()
    let added = changed.compactMap(\.becomes).sorted()
    var merged: [Spool.Candidate] = []
    merged.reserveCapacity(candidates.count + added.count)
    var (nextRemoved, nextAdded) = (0, 0)
    for candidate in candidates {
      if nextRemoved < removed.count, removed[nextRemoved] == candidate {
        nextRemoved += 1
        continue
      }
      while nextAdded < added.count, added[nextAdded] < candidate {
        merged.append(added[nextAdded])
        nextAdded += 1
      }
      merged.append(candidate)
    }
    merged += added[nextAdded...]
    candidates = merged
  }
}
