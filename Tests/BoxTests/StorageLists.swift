// Event lists: a disk that fails or is slow.

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
}
