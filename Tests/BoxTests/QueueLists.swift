// Event lists: from the spool to the end of a job.

extension EventList {
  static let queue: [EventList] = [
    EventList(
      "a file for which the spool has no room is rejected with the reason, while others stay",
      """
      given sending x
      file a -> check a
      check a valid
      file b -> check b
      check b valid
      refused b -> rejectfile b
      rejected b
      log file rejected
      = count jobs_rejected 1
      = queue a:queued
      """),
    EventList(
      "an idle box",
      """
      = state idle
      = problems 0
      = job none
      tick 5
      = state idle
      """),
    EventList(
      "a file becomes results",
      """
      file a -> claim a
      claimed a -> prepare a
      = state preparing
      = job a
      prepared a -> start a 0
      = state scanning
      progress a 500
      sent a
      = state cooldown
      = job none
      = cooling a
      ended a complete 1000 -> finish a
      settled a
      = state idle
      = count jobs_finished 1
      = count probes_completed 1000
      = count results 100
      """),
    EventList(
      "a file that is gone when it is claimed",
      """
      file a -> claim a
      absent a
      = queue
      """),
    EventList(
      "a file that is still open for writing is claimed later",
      """
      file a -> claim a
      gone a
      absent a
      file a -> claim a
      claimed a -> prepare a
      """),
    EventList(
      "an unfit target file is rejected with the reason",
      """
      given preparing a
      unfit a -> reject a
      settled a
      log job rejected
      = count jobs_rejected 1
      = state idle
      """),
    EventList(
      "an unfit file lets the next one begin at once",
      """
      given preparing a
      file b -> check b
      check b valid
      unfit a -> reject a, claim b
      """),
    EventList(
      "files run by priority",
      """
      given sending x
      file low 10 -> check low
      check low valid
      file high 50 -> check high
      check high valid
      = queue high:queued low:queued
      sent x -> claim high
      claimed high -> prepare high
      """),
    EventList(
      "files of one priority run in the order of their arrival",
      """
      given sending x
      file b -> check b
      check b valid
      file a -> check a
      check a valid
      = queue b:queued a:queued
      sent x -> claim b
      """),
    EventList(
      "a job in active/ precedes a file of its priority",
      """
      start a -> recover
      recovered -> prepare a
      file b -> check b
      = queue b:queued
      """),
    EventList(
      "a file of higher priority precedes a job in active/",
      """
      start a -> recover
      file b 90
      recovered -> claim b
      claimed b -> prepare b
      = queue a:interrupted
      """),
    EventList(
      "interrupted jobs resume by priority, then by age",
      """
      start a b!60 c -> recover
      recovered -> prepare b
      = queue a:interrupted c:interrupted
      = resumed 1
      = count jobs_resumed 1
      """),
    EventList(
      "a file is checked while another job runs",
      """
      given sending x
      file a -> check a
      check a valid
      tick 3
      = queue a:queued
      """),
    EventList(
      "files are checked one after the other",
      """
      given sending x
      file a -> check a
      file b
      check a valid -> check b
      check b valid
      """),
    EventList(
      "an invalid file is rejected while another job runs",
      """
      given sending x
      file a -> check a
      check a invalid -> rejectfile a
      rejected a
      log file rejected
      = count jobs_rejected 1
      = queue
      = state scanning
      """),
    EventList(
      "an invalid file is never claimed",
      """
      given sending x
      file a -> check a
      file b
      check a invalid -> rejectfile a, check b
      sent x
      rejected a -> claim b
      """),
    EventList(
      "a file that was replaced is checked again",
      """
      given sending x
      file a -> check a
      check a valid
      file a -> check a
      check a valid
      """),
    EventList(
      "a verdict on a file that was claimed meanwhile has no effect",
      """
      given sending x
      file a -> check a
      sent x -> claim a
      claimed a -> prepare a
      check a invalid
      unfit a -> reject a
      """),
    EventList(
      "a verdict on a file that was replaced meanwhile has no effect",
      """
      given sending x
      file a -> check a
      gone a
      check a invalid
      = count jobs_rejected 0
      """),
    EventList(
      "a file that cannot be checked is left to its claim",
      """
      given sending x
      file a -> check a
      check a entry
      sent x -> claim a
      """),
    EventList(
      "a disk that fails during a check pauses the box",
      """
      given sending x
      file a -> check a
      check a storage -> close
      = state paused
      = problem disk
      storage works -> open
      tick 1 -> check a
      """),
    EventList(
      "an unusable name is rejected",
      """
      unusable x*y -> rejectname x*y
      rejected x*y
      = count jobs_rejected 1
      log file rejected: unusable name
      """),
    EventList(
      "an unusable name that is gone",
      """
      unusable x*y -> rejectname x*y
      absent x*y
      = count jobs_rejected 0
      """),
    EventList(
      "an entry that is no file is logged once",
      """
      ignored fifo
      log ignoring a spool entry that is not a regular file
      = ignored fifo
      tick 5
      nolog ignoring a spool entry that is not a regular file
      = problems 0
      """),
    EventList(
      "arriving files are counted, not claimed",
      """
      arriving 3
      = arriving 3
      = queued 0
      """),
    EventList(
      "the next job begins while the last one cools down",
      """
      given sending a
      file b -> check b
      check b valid
      sent a -> claim b
      claimed b -> prepare b
      prepared b -> start b 1
      = state scanning
      = job b
      = cooling a
      """),
    EventList(
      "jobs end in any order",
      """
      given cooling a
      given cooling b
      given cooling c
      = cooling a b c
      ended b complete -> finish b
      ended c complete -> finish c
      settled c
      ended a complete -> finish a
      settled a
      settled b
      = count jobs_finished 3
      = state idle
      """),
    EventList(
      "the lowest free slot is taken",
      """
      given cooling a
      given cooling b
      given cooling c
      ended b complete -> finish b
      file d -> claim d
      claimed d -> prepare d
      prepared d -> start d 1
      """),
    EventList(
      "a slot is free again before its job is finished",
      """
      given cooling a
      ended a complete -> finish a
      file b -> claim b
      claimed b -> prepare b
      prepared b -> start b 0
      settled a
      """),
    EventList(
      "a job that ends without a cooldown",
      """
      given sending a
      ended a complete -> finish a
      settled a
      = count jobs_finished 1
      """),
    EventList(
      "progress is counted while a job runs and after it",
      """
      given sending a
      progress a 100
      = count probes_completed 100
      progress a 300
      = count probes_completed 300
      = rate 1000
      sent a
      progress a 400
      = count probes_completed 400
      ended a complete -> finish a
      = count probes_completed 400
      settled a
      = count probes_completed 400
      """),
    EventList(
      "events of a job that is gone have no effect",
      """
      progress ghost 10
      sent ghost
      ended ghost complete
      settled ghost
      prepared ghost
      = state idle
      = count probes_completed 0
      """),
    EventList(
      "a job that was claimed under another name",
      """
      file a -> claim a
      claimed a a.2 -> prepare a.2
      prepared a.2 -> start a.2 0
      = job a.2
      """),
  ]
}
