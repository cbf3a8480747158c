// What every service gives up before its first other thread, beside its privileges.
import Confinement
import Kernel

public enum ServicePrivileges {
  /// Limits descriptors and memory, puts the scanner's threads first, and then drops every privilege.
  ///
  /// - Parameters:
  ///   - memory: bytes of data, several times what the service has at most; the stacks of threads count, too.
  public static func drop(
    openFiles: UInt64, memory: UInt64, _ policy: ConfinementPolicy
  ) throws(Fault) -> ConfinementReport {
    try ResourceLimit.openFiles.set(openFiles)
    try ResourceLimit.data.set(memory)
    try ThreadPriority.lower()
    // If memory runs out all the same, this process goes before the scanner.
    try? SmallFile.write("1000", to: "/proc/self/oom_score_adj")
    return try Confinement.drop(policy)
  }

  /// The user to run as: the chosen one, or the standard one if this process is root's; nil for no change.
  public static func user(chosen: Credentials?, standard: Credentials) -> Credentials? {
    let current = Credentials.current()
    if let chosen { return chosen == current ? nil : chosen }
    return current.uid == 0 ? standard : nil
  }
}
