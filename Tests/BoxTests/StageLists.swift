// Event lists: everything that can happen, in each stage of a job.

extension EventList {
  /// Each row: what happens, and the effects it has in each stage.
  private static let table = """
    event        | queued               | waiting              | preparing            | ready                | sending              | cooling              | settling
    cancel a     | cancelfile a         | cancel a             | cancel a             | cancel a             | stop a cancelled     | stop a cancelled     |
    sigterm      | stop x terminated    | stop x terminated    | suspend a terminated | suspend a terminated | stop a terminated    | stop a terminated    |
    sigint       | stop x terminated    | stop x terminated    | suspend a terminated | suspend a terminated | stop a terminated    | stop a terminated    |
    fault        | stop x terminated    | stop x terminated    | suspend a terminated | suspend a terminated | stop a terminated    | stop a terminated    |
    sighup       | reload               | reload               | reload               | reload               | reload               | reload               | reload
    disk 95      | close, stop x paused | close, stop x paused | close, suspend a paused | close, suspend a paused | close, stop a paused | close             | close
    disk 50      |                      |                      |                      |                      |                      |                      |
    link down    | close, stop x disconnected | close, stop x disconnected | close, suspend a disconnected | close, suspend a disconnected | close, stop a disconnected | close             | close
    link up      |                      |                      |                      |                      |                      |                      |
    gateway silent | close, stop x disconnected | close, stop x disconnected | close, suspend a disconnected | close, suspend a disconnected | close, stop a disconnected | close             | close
    gateway replies |                   |                      |                      |                      |                      |                      |
    scope invalid | close               | close                | close                |                      | close                | close                | close
    scope s2     |                      |                      |                      | open, start a 0      |                      |                      |
    scope unchanged |                   |                      |                      |                      |                      |                      |
    storage fails | close               | close                | close                | close                | close                | close                | close
    storage works |                     |                      |                      |                      |                      |                      |
    writer stalls |                     |                      |                      |                      |                      |                      |
    file b 90    | claim b              | check b              | claim b              | check b              | claim b              | claim b              | claim b
    file b 50    | check b              | check b              | check b              | check b              | check b              | claim b              | claim b
    file b 10    | check b              | check b              | check b              | check b              | check b              | claim b              | claim b
    listing fails |                     |                      |                      |                      |                      |                      |
    unusable u   | rejectname u         | rejectname u         | rejectname u         | rejectname u         | rejectname u         | rejectname u         | rejectname u
    cancel other | dismiss other.cancel | dismiss other.cancel | dismiss other.cancel | dismiss other.cancel | dismiss other.cancel | dismiss other.cancel | dismiss other.cancel
    tick 5       |                      |                      |                      |                      |                      |                      |
    prepared a   |                      |                      | start a 0            |                      |                      |                      |
    unfit a      |                      |                      | reject a             |                      |                      |                      |
    unprepared a entry |                |                      | reject a             |                      |                      |                      |
    unprepared a link |                 |                      | suspend a paused, close |                   |                      |                      |
    unprepared a gateway |              |                      | suspend a paused, close |                   |                      |                      |
    unprepared a storage |              |                      | close                |                      |                      |                      |
    progress a 10 |                     |                      |                      |                      |                      |                      |
    sent a       |                      |                      |                      |                      |                      |                      |
    ended a complete |                  |                      |                      |                      | finish a             | finish a             |
    ended a entry |                     |                      |                      |                      | reject a             | reject a             |
    ended a link |                      |                      |                      |                      | suspend a paused, close | suspend a paused, close |
    ended a gateway |                   |                      |                      |                      | suspend a paused, close | suspend a paused, close |
    ended a storage |                   |                      |                      |                      | close                | close                |
    settled a    |                      |                      |                      |                      |                      |                      |
    unsettled a storage |               |                      |                      |                      |                      |                      | close
    unsettled a entry |                 |                      |                      |                      |                      |                      |
    """

  static let stages: [EventList] = {
    let rows = table.split(separator: "\n").map { row in
      row.split(separator: "|", omittingEmptySubsequences: false).map { cell in
        cell.split(separator: " ").joined(separator: " ")
      }
    }
    return rows.dropFirst().flatMap { row in
      zip(rows[0], row).dropFirst().map { stage, effects in
        EventList("\(stage): \(row[0])", "given \(stage) a\n\(row[0]) -> \(effects)")
      }
    }
  }()
}
