// job.json.
import Spool

extension FuzzTarget {
  /// A record is accepted only if its encoding equals the input and it has a key.
  static let jobRecord = FuzzTarget("job-record", maximumLength: 2048) { bytes in
    guard let record = JobRecord(bytes) else { return }
    try require(record.sipHashKey != nil, "no key")
    try require(try record.encoded() == bytes, "taken for a record of other bytes")
  }
}
