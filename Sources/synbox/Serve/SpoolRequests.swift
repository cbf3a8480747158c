// The spool's requests of a box by the names of files, as its machine knows them.
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

  /// Rejects a request that names no job. Returns the name of its directory in rejected/; nil if the file is gone.
  func rejectCancellation(_ file: String, in listing: Listing) throws(EntryError) -> String? {
    guard let request = listing.cancellations.first(where: { $0.file == file }) else { return nil }
    return try reject(request)
  }
}
