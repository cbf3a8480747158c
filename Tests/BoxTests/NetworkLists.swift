// Event lists: the link and the gateway.

extension EventList {
  static let network: [EventList] = [
    EventList(
      "a link that is down is a problem of an idle box",
      """
      link down -> close
      = state idle
      = problem eth0 is down
      = problems 1
      link up -> open
      = problems 0
      """),
    EventList(
      "a job waits for the link",
      """
      link down -> close
      file a -> check a
      = state paused
      link up -> open, claim a
      """),
    EventList(
      "a link that goes down suspends the job until it is up",
      """
      given sending a
      link down -> close, stop a disconnected
      ended a stopped -> suspend a disconnected
      settled a
      = state paused
      = queue a:paused
      link up -> open, prepare a
      prepared a -> start a 0
      """),
    EventList(
      "a link that goes down does not stop those that cool down",
      """
      given cooling a
      link down -> close
      link up -> open
      ended a complete -> finish a
      """),
    EventList(
      "a scan that lost its link resumes once the link is reported up",
      """
      given sending a
      ended a link -> suspend a paused, close
      = problem carrier lost
      settled a
      tick 3
      link up -> open, prepare a
      """),
    EventList(
      "a cooldown that lost its link resumes",
      """
      given cooling a
      ended a link -> suspend a paused, close
      settled a
      link up -> open, prepare a
      """),
    EventList(
      "a job that cannot be prepared without a link waits for it",
      """
      given preparing a
      unprepared a link -> suspend a paused, close
      settled a
      = state paused
      link up -> open, prepare a
      """),
    EventList(
      "a silent gateway is tried again after a second",
      """
      given preparing a
      unprepared a gateway -> suspend a paused, close
      settled a
      = state paused
      = problem gateway is silent
      tick 0.9
      tick 0.1 -> open, prepare a
      """),
    EventList(
      "a gateway that stays silent is logged once",
      """
      given preparing a
      unprepared a gateway -> suspend a paused, close
      settled a
      log sending paused until the fault clears
      tick 1 -> open, prepare a
      unprepared a gateway -> suspend a paused, close
      settled a
      nolog sending paused until the fault clears
      tick 1 -> open, prepare a
      prepared a -> start a 0
      """),
    EventList(
      "a gateway that falls silent suspends the job",
      """
      given sending a
      gateway silent -> close, stop a disconnected
      ended a stopped -> suspend a disconnected
      settled a
      gateway replies -> open, prepare a
      """),
    EventList(
      "a prepared job is suspended by a link that goes down",
      """
      given ready a
      link down -> close, suspend a disconnected
      settled a
      scope s1 -> close
      link up -> open
      scope unchanged -> prepare a
      """),
  ]
}
