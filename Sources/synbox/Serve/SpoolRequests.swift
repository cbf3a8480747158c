// The spool's requests of a box by the names of files, as its machine knows them.
import Box
import Kernel
import Spool

extension Spool.Listing {
  func candidate(_ name: String) -> Spool.Candidate? { queue.first { $0.name == name } }
  func unusable(_ name: String) -> FileName? { unusable.first { "\($0)" == name } }
}

extension Spool {
  /// Removes the request's file.
  func removeCancellation(_ file: String, in listing: Listing) throws(EntryError) {
    guard let request = listing.cancellations.first(where: { $0.file == file }) else { return }
    try remove(request)
  }

  /// Answers a request, by the name of its file, to cancel a job that is neither running nor queued.
  func dismiss(_ file: String, of job: String, in listing: Listing) throws(EntryError) -> Dismissal {
    // The file is still being written; it is cancelled once it is complete.
    if contains(job) { return .deferred }
    if hasEnded(job) {
      try removeCancellation(file, in: listing)
      return .ended
    }
    return .rejected(as: try rejectCancellation(file, in: listing) ?? "")
  }

  /// Rejects a request that names no job. Returns the name of its directory in rejected/; nil if the file is gone.
  private func rejectCancellation(_ file: String, in listing: Listing) throws(EntryError) -> String? {
    guard let request = listing.cancellations.first(where: { $0.file == file }) else { return nil }
    return try reject(request)
  }
}
