// job.json.
import Spool

extension FuzzTarget {
  /// A record or nothing; a record's octets are those it is written as, and it has a key.
  static let jobRecord = FuzzTarget("job-record", maximumLength: 2048) { octets in
    guard let record = JobRecord(octets) else { return }
    try require(record.sipHashKey != nil, "no key")
    try require(try record.encoded() == octets, "taken for a record of other octets")
  }
}
