// Room on the disk: fetched results go, unfetched ones never do; rather the box pauses.
import Kernel
import Logging
import Spool

extension ServeLoop {
  /// No job is begun or gone on with.
  var isPaused: Bool { status.problems[.disk] != nil }

  /// Removes fetched results, the oldest first, while the disk is fuller than it should be; pauses when there
  /// are none, and goes on when there is room again.
  func followDisk() {
    let path = spool.data.path
    let mark = configuration.diskHighWater
    do throws(Fault) {
      guard try makeRoom(below: mark) else {
        pauseForDisk(
          "the disk that holds \(path) is more than \(mark) % full and no results are marked as fetched: "
            + "the box pauses until there is room. Fetch results, and put a file named "
            + "\(Spool.fetchedMarker) into the directory of each")
        return
      }
    } catch {
      return pauseForDisk("the box pauses, for its disk fails: \(error)")
    }
    guard isPaused else { return }
    status.problems[.disk] = nil
    log.notice("there is room on the disk again", metadata: ["data": "\(path)"])
  }

  /// Whether there is room. A bounded number of removals at a time, for a scan may be waiting.
  private func makeRoom(below mark: Int) throws(Fault) -> Bool {
    func isFull() throws(Fault) -> Bool { try DiskSpace(of: spool.data.path).usedPercent > mark }
    guard try isFull() else { return true }
    for name in try spool.fetchedResults().prefix(20) {
      try spool.removeFetched(name)
      log.notice("fetched results removed to make room", metadata: ["job": "\(name)"])
      if try !isFull() { return true }
    }
    return false
  }

  private func pauseForDisk(_ why: String) {
    if status.problems[.disk] != why { log.error("paused", metadata: ["why": "\(why)"]) }
    status.problems[.disk] = why
  }
}
