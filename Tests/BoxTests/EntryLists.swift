// Event lists: files and jobs that keep failing by themselves.

extension EventList {
  static let entries: [EventList] = [
    EventList(
      "a file that cannot be claimed is left alone, and the next one runs",
      """
      given sending x
      file bad 50 -> check bad
      file good 50
      check bad valid -> check good
      check good valid
      sent x -> claim bad
      spool fails entry -> recover again x
      recovered -> claim good
      log leaving an entry alone because it cannot be handled
      = problems 0
      """),
    EventList(
      "a file that was left alone is shown with its reason",
      """
      file bad -> claim bad
      spool fails entry -> recover again
      recovered
      tick 3
      = ignored bad: permission denied
      = queue
      """),
    EventList(
      "a file that was left alone is tried again once it changes",
      """
      file bad -> claim bad
      spool fails entry -> recover again
      recovered
      file bad -> claim bad
      claimed bad -> prepare bad
      """),
    EventList(
      "an unusable name that cannot be moved is left alone",
      """
      unusable x*y -> rejectname x*y
      spool fails entry -> recover again
      recovered
      tick 3
      = ignored x*y: permission denied
      """),
    EventList(
      "an invalid file that cannot be moved is left alone",
      """
      given sending x
      file a -> check a
      check a invalid -> rejectfile a
      spool fails entry -> recover again x
      recovered
      sent x
      tick 3
      = ignored a: permission denied
      """),
    EventList(
      "a job whose scan fails by itself is rejected",
      """
      given sending a
      ended a entry -> reject a
      settled a
      = count jobs_rejected 1
      = problems 0
      """),
    EventList(
      "a job that cannot be prepared by itself is rejected",
      """
      given preparing a
      unprepared a entry -> reject a
      settled a
      = count jobs_rejected 1
      """),
    EventList(
      "a job that cannot be moved stays in active/ and stops nothing",
      """
      given settling a
      unsettled a entry
      = problem a stays in active/: permission denied
      file b -> claim b
      claimed b -> prepare b
      """),
    EventList(
      "a recovery does not touch a job that could not be moved",
      """
      given settling a
      unsettled a entry
      file b -> claim b
      spool fails storage -> close
      storage works -> open, recover again a
      """),
  ]
}
