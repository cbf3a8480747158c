// Event lists: a box that needs a licence. The senders obey it by themselves.

extension EventList {
  static let licence: [EventList] = [
    EventList(
      "without a licence a scan pauses in place",
      """
      given sending a
      licence invalid it has expired
      = state paused
      = problem it has expired
      log sending paused until there is a licence
      progress a 10
      licence valid
      = state scanning
      = problems 0
      log the licence allows sending again
      """),
    EventList(
      "a job is claimed and started without a licence, and waits to send",
      """
      licence invalid there is none
      = state idle
      = problem there is none
      file a -> claim a
      = state paused
      claimed a -> prepare a
      prepared a -> start a 0
      = state paused
      licence valid
      = state scanning
      """),
    EventList(
      "a rate of 0 is a problem only while a job waits",
      """
      licence zero
      = state idle
      = problems 0
      file a -> claim a
      = state paused
      = problem no rate
      """),
    EventList(
      "another reason is logged, the same one is not",
      """
      licence invalid one
      log sending paused until there is a licence
      licence invalid one
      nolog sending paused until there is a licence
      licence invalid two
      log sending paused until there is a licence
      """),
  ]
}
