// Event lists: jobs of higher priority, and more jobs than slots.

extension EventList {
  static let preemption: [EventList] = [
    EventList(
      "a file of higher priority preempts a job",
      """
      given sending a 50
      file b 90 -> claim b
      claimed b -> stop a preempted
      = queue b:claimed
      ended a stopped -> suspend a preempted, prepare b
      settled a
      = queue a:preempted
      = count jobs_preempted 1
      prepared b -> start b 0
      sent b -> prepare a
      = resumed 1
      prepared a -> start a 1
      = resumed 1
      = count jobs_resumed 1
      """),
    EventList(
      "a file of the same priority preempts nothing",
      """
      given sending a 50
      file b 50 -> check b
      """),
    EventList(
      "a file that cannot be claimed yet preempts nothing",
      """
      given sending a 50
      file b 90 -> claim b
      gone b
      absent b
      tick 2
      = job a
      """),
    EventList(
      "a job that cools down is not preempted",
      """
      given cooling a 10
      file b 90 -> claim b
      claimed b -> prepare b
      = cooling a
      """),
    EventList(
      "a job that is being prepared is preempted at once",
      """
      given preparing a 50
      file b 90 -> claim b
      claimed b -> suspend a preempted, prepare b
      settled a
      = queue a:preempted
      = count jobs_preempted 1
      """),
    EventList(
      "a job that has sent everything while it was to be preempted",
      """
      given sending a 50
      file b 90 -> claim b
      claimed b -> stop a preempted
      sent a -> prepare b
      ended a complete -> finish a
      settled a
      = count jobs_finished 1
      = count jobs_preempted 0
      """),
    EventList(
      "two preempted jobs resume by priority",
      """
      given sending low 10
      file middle 50 -> claim middle
      claimed middle -> stop low preempted
      ended low stopped -> suspend low preempted, prepare middle
      settled low
      prepared middle -> start middle 0
      file high 90 -> claim high
      claimed high -> stop middle preempted
      ended middle stopped -> suspend middle preempted, prepare high
      settled middle
      = queue middle:preempted low:preempted
      prepared high -> start high 0
      sent high -> prepare middle
      = count jobs_preempted 2
      """),
    EventList(
      "a preempting job that is rejected gives way",
      """
      given sending a 50
      file b 90 -> claim b
      claimed b -> stop a preempted
      ended a stopped -> suspend a preempted, prepare b
      settled a
      unfit b -> reject b, prepare a
      """),
    EventList(
      "nothing is preempted while the box may not send",
      """
      given sending a 50
      scope invalid -> close
      file b 90 -> check b
      check b valid
      scope s1 -> open
      scope unchanged -> claim b
      """),
    EventList(
      "a suspended job shows in the queue while it is being saved",
      """
      given sending a 50
      file b 90 -> claim b
      claimed b -> stop a preempted
      ended a stopped -> suspend a preempted, prepare b
      = queue a:preempted
      = queued 1
      """),
  ]

  /// With two slots.
  static let slots: [EventList] = [
    EventList(
      "the next job waits until a slot is free",
      """
      given cooling a
      given cooling b
      file c -> check c
      check c valid
      = queue c:queued
      ended b complete -> finish b, claim c
      claimed c -> prepare c
      prepared c -> start c 1
      """),
    EventList(
      "a job in active/ waits until a slot is free",
      """
      given cooling a
      given sending b 50
      file c 90 -> claim c
      claimed c -> stop b preempted
      ended b stopped -> suspend b preempted, prepare c
      settled b
      prepared c -> start c 1
      sent c
      = queue b:preempted
      ended a complete -> finish a, prepare b
      """),
    EventList(
      "the last slot can be preempted",
      """
      given cooling a
      given sending b 50
      file c 90 -> claim c
      claimed c -> stop b preempted
      ended b stopped -> suspend b preempted, prepare c
      prepared c -> start c 1
      """),
    EventList(
      "a job that cools down is preempted if it has the last slot",
      """
      given cooling a 60
      given cooling b 50
      file c 90 -> claim c
      claimed c -> stop b preempted
      ended b stopped -> suspend b preempted, prepare c
      settled b
      prepared c -> start c 1
      = cooling a
      = queue b:preempted
      = count jobs_preempted 1
      sent c
      ended a complete -> finish a, prepare b
      """),
    EventList(
      "one slot is enough for a job of higher priority",
      """
      given cooling a 50
      given cooling b 50
      file c 90 -> claim c
      claimed c -> stop b preempted
      tick 3
      ended a complete -> finish a, prepare c
      ended b stopped -> suspend b preempted
      """),
    EventList(
      "a cancelled job frees its slot",
      """
      given cooling a
      given cooling b
      file c -> check c
      check c valid
      cancel a -> stop a cancelled
      ended a stopped -> cancel a, claim c
      """),
  ]
}
