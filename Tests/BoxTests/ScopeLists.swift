// Event lists: scope lists that are wrong or change.

extension EventList {
  static let scope: [EventList] = [
    EventList(
      "an invalid list pauses a scan in place",
      """
      given sending a
      scope invalid -> close
      = state paused
      = problem never.txt:1:1
      = problems 1
      log scanning paused: cannot load the scope lists
      progress a 10
      scope s1 -> open
      = state scanning
      = problems 0
      log scope lists are valid again
      """),
    EventList(
      "no job begins under an invalid list",
      """
      scope invalid -> close
      file a -> check a
      check a valid
      = state paused
      = queue a:queued
      scope s1 -> open
      = state paused
      = problem the scope lists have just changed
      scope unchanged -> claim a
      """),
    EventList(
      "a list that stays invalid is logged once",
      """
      scope invalid -> close
      log scanning paused: cannot load the scope lists
      scope unchanged
      scope invalid
      nolog scanning paused: cannot load the scope lists
      = state paused
      """),
    EventList(
      "another mistake in a list changes the reason",
      """
      given sending a
      scope invalid one -> close
      scope invalid two -> close
      = problem two
      """),
    EventList(
      "a changed list must be found unchanged before a job begins",
      """
      scope s2
      = scope s2
      = state paused
      file a -> check a
      scope unchanged -> claim a
      = state idle
      """),
    EventList(
      "a list that changes again has to be found unchanged again",
      """
      scope s2
      scope s3
      file a -> check a
      scope unchanged -> claim a
      """),
    EventList(
      "a list that was rewritten with the same content changes nothing",
      """
      scope s1
      = state idle
      file a -> claim a
      """),
    EventList(
      "a changed list does not stop a scan",
      """
      given sending a
      scope s2
      = state scanning
      = problems 0
      = scope s2
      log scope changed
      """),
    EventList(
      "a changed list does not stop a job that is being prepared",
      """
      given preparing a
      scope s2
      prepared a -> start a 0
      """),
    EventList(
      "an invalid list stops a prepared job until it is valid",
      """
      given preparing a
      scope invalid -> close
      prepared a
      = state paused
      scope s1 -> open, start a 0
      """),
    EventList(
      "an invalid list does not end a cooldown",
      """
      given cooling a
      scope invalid -> close
      = state paused
      ended a complete -> finish a
      settled a
      """),
    EventList(
      "the last valid scope is shown while a list is invalid",
      """
      scope s2
      scope invalid -> close
      = scope s2
      """),
  ]
}
