// Event lists: jobs that their operators cancel.

extension EventList {
  static let cancelling: [EventList] = [
    EventList(
      "a running job is cancelled and its request removed",
      """
      given sending a
      cancel a -> stop a cancelled
      ended a stopped -> cancel a
      settled a -> remove a.cancel
      requests removed a
      = count jobs_cancelled 1
      = state idle
      """),
    EventList(
      "a job that cools down is cancelled",
      """
      given cooling a
      cancel a -> stop a cancelled
      ended a stopped -> cancel a
      settled a -> remove a.cancel
      requests removed a
      = count jobs_cancelled 1
      """),
    EventList(
      "a job that is being prepared is cancelled at once",
      """
      given preparing a
      cancel a -> cancel a
      prepared a
      settled a -> remove a.cancel
      """),
    EventList(
      "a prepared job is cancelled",
      """
      given ready a
      cancel a -> cancel a
      settled a -> remove a.cancel
      """),
    EventList(
      "a suspended job is cancelled with its results",
      """
      given waiting a
      cancel a -> cancel a
      settled a -> remove a.cancel
      = queue
      = job x
      """),
    EventList(
      "an interrupted job is cancelled before it resumes",
      """
      start a -> recover
      cancel a
      recovered -> cancel a
      settled a -> remove a.cancel
      """),
    EventList(
      "a queued file is cancelled",
      """
      given queued a
      cancel a -> cancelfile a
      cancelled a -> remove a.cancel
      log queued job cancelled
      requests removed a
      = count jobs_cancelled 1
      """),
    EventList(
      "a file that is still being written is cancelled once it is complete",
      """
      given sending x
      cancel a -> dismiss a.cancel
      requests deferred a
      tick 0.9 -> dismiss a.cancel
      requests deferred a
      file a -> cancelfile a
      cancelled a -> remove a.cancel
      """),
    EventList(
      "a queued file that is open for writing is cancelled later",
      """
      given queued a
      cancel a -> cancelfile a
      absent a
      tick 0.5
      file a -> cancelfile a
      cancelled a -> remove a.cancel
      """),
    EventList(
      "a request for a job that has ended is removed",
      """
      cancel a -> dismiss a.cancel
      requests ended a
      log nothing to cancel: the job has ended
      """),
    EventList(
      "a request for an unknown job is rejected",
      """
      cancel a -> dismiss a.cancel
      requests unknown a
      log nothing to cancel: no such job
      """),
    EventList(
      "a job that finishes before it is stopped is finished",
      """
      given sending a
      cancel a -> stop a cancelled
      ended a complete -> finish a
      settled a -> dismiss a.cancel
      requests ended a
      = count jobs_finished 1
      = count jobs_cancelled 0
      """),
    EventList(
      "a request for a job that is being finished waits",
      """
      given settling a
      cancel a
      settled a -> dismiss a.cancel
      """),
    EventList(
      "a request names the job in active/ before a file",
      """
      given sending a
      file a -> check a
      check a valid
      cancel a -> stop a cancelled
      ended a stopped -> cancel a, claim a
      """),
    EventList(
      "a cancelled job wins over one that preempts it",
      """
      given sending a
      cancel a -> stop a cancelled
      file b 90 -> claim b
      claimed b
      ended a stopped -> cancel a, prepare b
      """),
    EventList(
      "a preempted job is cancelled once it is saved",
      """
      given sending a
      file b 90 -> claim b
      claimed b -> stop a preempted
      cancel a
      ended a stopped -> suspend a preempted, prepare b
      settled a -> cancel a
      settled a -> remove a.cancel
      """),
    EventList(
      "a request that cannot be removed is left alone",
      """
      given sending a
      cancel a -> stop a cancelled
      ended a stopped -> cancel a
      settled a -> remove a.cancel
      spool fails entry
      tick 3
      = state idle
      = problems 0
      """),
    EventList(
      "cancelling waits for the disk",
      """
      given waiting a
      storage fails -> close
      cancel a
      storage works -> open, cancel a
      """),
  ]
}
