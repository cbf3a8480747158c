// Disk space: fetched results are removed to free it. Unfetched results never are; the box pauses instead.
import Kernel
import Logging
import Spool

extension ServeLoop {
  /// While true, no job starts or resumes.
  var isPausedForDisk: Bool { status.problems[.disk] != nil }

  /// Removes the oldest fetched results while the disk is above its high-water mark. Pauses the box if that does
  /// not suffice, and ends the pause once there is space again.
  func checkDisk() {
    let path = spool.data.path
    let mark = configuration.diskHighWater
    do throws(Fault) {
      guard try freeSpace(below: mark) else {
        pauseForDisk(
          "the file system of \(path) is more than \(mark) % full and no results are marked as fetched; "
            + "scanning is paused. Fetch results, then create a file named \(Spool.fetchedMarker) in the "
            + "directory of each")
        return
      }
    } catch {
      return pauseForDisk("scanning is paused because the disk fails: \(error)")
    }
    guard isPausedForDisk else { return }
    status.problems[.disk] = nil
    log.notice("disk space is available again", metadata: ["data": "\(path)"])
  }

  /// Returns whether the disk is below the mark. Removes a bounded number of results per call, because a scan may
  /// be running meanwhile.
  private func freeSpace(below mark: Int) throws(Fault) -> Bool {
    func isFull() throws(Fault) -> Bool { try DiskSpace(of: spool.data.path).usedPercent > mark }
    guard try isFull() else { return true }
    for name in try spool.fetchedResults().prefix(20) {
      try spool.removeFetched(name)
      log.notice("fetched results removed to free disk space", metadata: ["job": "\(name)"])
      if try !isFull() { return true }
    }
    return false
  }

  private func pauseForDisk(_ reason: String) {
    if status.problems[.disk] != reason {
      log.error("scanning paused", metadata: ["reason": "\(reason)"])
    }
    status.problems[.disk] = reason
  }
}
