// Event lists: signals and faults: reloads, and the end of a box.

extension EventList {
  static let reloading: [EventList] = [
    EventList(
      "a reload is applied",
      """
      sighup -> reload
      log reloading the configuration
      reload applied 90
      log configuration reloaded; it applies to jobs that start from now on
      = problems 0
      """),
    EventList(
      "a reload that is rejected is a problem until the next one",
      """
      sighup -> reload
      reload rejected
      = problem the previous one stays in force: mistake
      = state idle
      sighup -> reload
      reload applied 90
      = problems 0
      """),
    EventList(
      "a SIGHUP during a reload is followed by another reload",
      """
      sighup -> reload
      sighup
      reload applied 90 -> reload
      reload applied 90
      """),
    EventList(
      "many SIGHUPs during a reload are followed by one reload",
      """
      sighup -> reload
      sighup
      sighup
      sighup
      reload rejected -> reload
      reload applied 90
      = problems 0
      """),
    EventList(
      "a SIGHUP during the second reload is followed by a third",
      """
      sighup -> reload
      sighup
      reload applied 90 -> reload
      sighup
      reload applied 90 -> reload
      reload applied 90
      """),
    EventList(
      "a reload does not affect the running job",
      """
      given sending a
      sighup -> reload
      reload applied 80
      = state scanning
      """),
    EventList(
      "a reload with another scope lets no job begin before it is stable",
      """
      sighup -> reload
      reload applied 90 s2
      = scope s2
      file a -> check a
      scope unchanged -> claim a
      """),
    EventList(
      "a reload ends a pause for an invalid list",
      """
      scope invalid -> close
      sighup -> reload
      reload applied 90 s2 -> open
      scope unchanged
      = state idle
      """),
    EventList(
      "a SIGHUP before the first listing",
      """
      start -> recover
      sighup -> reload
      reload applied 90
      """),
  ]

  static let ends: [EventList] = [
    EventList(
      "an idle box stops at once",
      """
      sigterm -> exit terminate
      = state stopped
      log stopped by a signal; jobs stay in active/
      sighup
      tick 5
      """),
    EventList(
      "SIGINT stops it too",
      """
      sigint -> exit interrupt
      = state stopped
      """),
    EventList(
      "a box saves the job that sends",
      """
      given sending a
      sigterm -> stop a terminated
      ended a stopped -> suspend a terminated
      settled a -> exit terminate
      = queue a:paused
      """),
    EventList(
      "a box saves jobs that cool down, in any order",
      """
      given cooling a
      given cooling b
      given sending c
      sigterm -> stop c terminated, stop a terminated, stop b terminated
      ended b stopped -> suspend b terminated
      ended c stopped -> suspend c terminated
      settled c
      ended a stopped -> suspend a terminated
      settled a
      settled b -> exit terminate
      """),
    EventList(
      "a preparation is abandoned",
      """
      given preparing a
      sigterm -> suspend a terminated
      prepared a
      settled a -> exit terminate
      """),
    EventList(
      "a box waits for a job that is being finished",
      """
      given settling a
      sigterm
      settled a -> exit terminate
      = count jobs_finished 1
      """),
    EventList(
      "a box waits for a claim",
      """
      file a -> claim a
      sigterm
      claimed a -> exit terminate
      """),
    EventList(
      "a job that finishes during the stop is finished",
      """
      given sending a
      sigterm -> stop a terminated
      ended a complete -> finish a
      settled a -> exit terminate
      """),
    EventList(
      "a box does not wait for a failed disk",
      """
      given cooling a
      storage fails -> close
      ended a complete
      sigterm -> exit terminate
      """),
    EventList(
      "a job that waits for the disk is saved if it works in time",
      """
      given cooling a
      given sending b
      storage fails -> close
      ended a complete
      sigterm -> stop b terminated
      storage works -> open, finish a
      settled a
      ended b stopped -> suspend b terminated
      settled b -> exit terminate
      """),
    EventList(
      "a box exits at its deadline",
      """
      given sending a
      sigterm -> stop a terminated
      tick 9.9
      tick 0.1 -> exit terminate
      """),
    EventList(
      "a second signal changes nothing",
      """
      given sending a
      sigterm -> stop a terminated
      sigint
      ended a stopped -> suspend a terminated
      settled a -> exit terminate
      """),
    EventList(
      "nothing begins during the stop",
      """
      given sending a
      sigterm -> stop a terminated
      file b
      ended a stopped -> suspend a terminated
      settled a -> exit terminate
      """),
    EventList(
      "a job that is being preempted is saved before the end",
      """
      given sending a
      file b 90 -> claim b
      claimed b -> stop a preempted
      sigterm
      ended a stopped -> suspend a preempted
      settled a -> exit terminate
      """),
    EventList(
      "a SIGTERM before the recovery has ended",
      """
      start -> recover
      sigterm
      recovered -> exit terminate
      """),
    EventList(
      "a fault of the box saves jobs and exits",
      """
      given sending a
      fault -> stop a terminated
      log the box failed; jobs stay in active/
      ended a stopped -> suspend a terminated
      settled a -> exit fault
      = state failed
      = problem broken
      """),
    EventList(
      "a fault of an idle box",
      """
      fault -> exit fault
      = state failed
      """),
    EventList(
      "a scan that finds the box at fault ends it",
      """
      given sending a
      ended a box -> suspend a paused
      settled a -> exit fault
      """),
    EventList(
      "a preparation that finds the box at fault ends it",
      """
      given preparing a
      unprepared a box -> suspend a paused
      settled a -> exit fault
      """),
    EventList(
      "a spool that finds the box at fault ends it",
      """
      file a -> claim a
      spool fails box -> exit fault
      """),
    EventList(
      "a signal during the stop for a fault keeps the fault",
      """
      given sending a
      fault -> stop a terminated
      sigterm
      ended a stopped -> suspend a terminated
      settled a -> exit fault
      """),
  ]
}
