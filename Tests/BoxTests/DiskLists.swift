// Event lists: a disk that is full.

extension EventList {
  static let disk: [EventList] = [
    EventList(
      "no job begins before active/ was recovered",
      """
      start -> recover
      file a
      recovered -> claim a
      """),
    EventList(
      "a full disk suspends the job and claims nothing",
      """
      given sending a
      disk 95 -> close, stop a paused
      ended a stopped -> suspend a paused
      settled a
      = state paused
      = problem is more than 90 % full and no results are marked as fetched
      log scanning paused
      file b -> check b
      check b valid
      = queue a:paused b:queued
      disk 90 -> open, prepare a
      log disk space is available again
      = problems 0
      """),
    EventList(
      "the oldest fetched results are removed, and no more than needed",
      """
      fetched old new
      disk 95 -> delete old
      removed 80
      log fetched results removed to free disk space
      tick 2
      = problems 0
      """),
    EventList(
      "fetched results are removed while a scan runs",
      """
      given sending a
      fetched old new
      disk 95 -> delete old
      removed 93 -> delete new
      removed 80
      = state scanning
      """),
    EventList(
      "a disk that stays full after every removal pauses the box",
      """
      given sending a
      fetched old
      disk 95 -> delete old
      removed 94 -> close, stop a paused
      """),
    EventList(
      "results that cannot be removed are skipped for good",
      """
      fetched old new
      disk 95 -> delete old
      disk fails entry -> delete new
      removed 80
      """),
    EventList(
      "fetched results are removed, one after the other, while the disk takes no more data however empty it looks",
      """
      given sending a
      fetched old new newest
      disk 50
      storage full -> close, delete old
      removed 50 -> probe
      storage full -> delete new
      removed 50 -> probe
      storage works -> open
      = problems 0
      tick 3
      """),
    EventList(
      "a disk that takes no more data, with nothing to remove, is a problem that says so",
      """
      given sending a
      storage full -> close
      = state paused
      = problem takes no more data
      tick 1 -> probe
      storage full
      fetched old
      tick 1 -> probe, delete old
      removed 50
      storage works -> open
      = state scanning
      = problems 0
      """),
    EventList(
      "a disk that refuses data and is above the mark pauses the box like any full disk",
      """
      given sending a
      disk 95 -> close, stop a paused
      storage full -> close
      = problem is more than 90 % full
      """),
    EventList(
      "a disk that fails pauses the box",
      """
      given sending a
      fetched old
      disk 95 -> delete old
      disk fails storage -> close, stop a paused
      = problem scanning is paused because the disk fails
      """),
    EventList(
      "a lower mark takes effect at once",
      """
      disk 85
      = problems 0
      sighup -> reload
      reload applied 80 -> close
      = state paused
      """),
    EventList(
      "a higher mark ends a pause",
      """
      disk 95 -> close
      = state paused
      sighup -> reload
      reload applied 96 -> open
      = state idle
      """),
    EventList(
      "a box that waits for room stops at once",
      """
      disk 95 -> close
      file a -> check a
      check a valid
      = state paused
      sigterm -> exit terminate
      = queue a:queued
      """),
    EventList(
      "a full disk does not end a cooldown",
      """
      given cooling a
      disk 95 -> close
      ended a complete -> finish a
      settled a
      = count jobs_finished 1
      """),
    EventList(
      "jobs are cancelled and files rejected on a full disk",
      """
      disk 95 -> close
      file a -> check a
      check a invalid -> rejectfile a
      rejected a
      file b -> check b
      cancel b -> cancelfile b
      cancelled b -> remove b.cancel
      """),
  ]
}
