// Event lists: a disk that fails, is slow or is full.

extension EventList {
  static let storage: [EventList] = [
    EventList(
      "a disk that fails pauses a scan in place and is probed",
      """
      given sending a
      storage fails -> close
      = state paused
      = problem disk
      log sending paused until the fault clears
      tick 1 -> probe
      storage fails
      tick 0.5
      tick 0.5 -> probe
      storage works -> open
      = state scanning
      log sending resumed
      """),
    EventList(
      "a disk that works again by itself",
      """
      given sending a
      storage fails -> close
      storage works -> open
      tick 2
      """),
    EventList(
      "nothing is claimed while the disk fails",
      """
      storage fails -> close
      file a
      = queue a:queued
      storage works -> open, claim a
      """),
    EventList(
      "a claim that fails is followed by a recovery",
      """
      file a -> claim a
      spool fails storage -> close
      = state paused
      tick 1 -> probe
      storage works -> open, recover again
      recovered -> claim a
      """),
    EventList(
      "a claim that failed half-way leaves a job that is resumed",
      """
      file a -> claim a
      gone a
      spool fails storage -> close
      storage works -> open, recover again
      recovered a -> prepare a
      = job a
      """),
    EventList(
      "a recovery leaves the jobs of this process alone",
      """
      given cooling a
      given sending b
      file c 90 -> claim c
      spool fails storage -> close
      storage works -> open, recover again a b
      recovered a b -> claim c
      = cooling a
      = job b
      """),
    EventList(
      "a recovery that fails is repeated",
      """
      start -> recover
      spool fails storage -> close
      = state paused
      tick 1 -> probe
      storage works -> open, recover
      recovered
      = state idle
      """),
    EventList(
      "a job that cannot be finished waits for the disk",
      """
      given cooling a
      ended a complete -> finish a
      unsettled a storage -> close
      = state paused
      tick 1 -> probe
      storage works -> open, finish a
      settled a
      = count jobs_finished 1
      """),
    EventList(
      "a job that ends while the disk fails waits for it",
      """
      given cooling a
      storage fails -> close
      ended a complete
      storage works -> open, finish a
      """),
    EventList(
      "a scan that fails with the disk resumes later",
      """
      given sending a
      ended a storage -> close
      = queue a:paused
      storage works -> open, suspend a paused
      settled a -> prepare a
      prepared a -> start a 0
      """),
    EventList(
      "a preparation that fails with the disk is repeated",
      """
      given preparing a
      unprepared a storage -> close
      storage works -> open, suspend a paused
      settled a -> prepare a
      """),
    EventList(
      "a spool that cannot be listed is a problem, not the end of a scan",
      """
      given sending a
      listing fails
      = state scanning
      = problem disk
      listing works
      = problems 0
      """),
    EventList(
      "a spool that cannot be listed lets no job begin",
      """
      given sending a
      file b -> check b
      check b valid
      listing fails
      sent a
      tick 2
      listing works -> claim b
      """),
    EventList(
      "an idle box whose spool cannot be listed is paused",
      """
      listing fails
      = state paused
      listing works
      = state idle
      """),
    EventList(
      "a writer that waits for more than a second stops sending",
      """
      given sending a
      writer stalls
      tick 0.9
      tick 0.2 -> close
      = state paused
      = problem the disk is slow
      = problems 1
      writer writes -> open
      = state scanning
      = problems 0
      """),
    EventList(
      "a writer that waits for less than a second changes nothing",
      """
      given sending a
      writer stalls
      tick 0.9
      writer writes
      tick 2
      """),
    EventList(
      "a slow disk does not end a cooldown and lets no job start",
      """
      given cooling a
      writer stalls
      tick 1.2 -> close
      file b -> check b
      writer writes -> open, claim b
      """),
    EventList(
      "status files that cannot be written are logged once and stop nothing",
      """
      status fails
      tick 3
      log cannot write the status files
      tick 3
      nolog cannot write the status files
      file a -> claim a
      status works
      tick 2
      log the status files can be written again
      """),
  ]

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
