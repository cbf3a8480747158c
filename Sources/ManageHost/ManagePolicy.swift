// What the service keeps when it gives up its privileges.
import Confinement
import Kernel

public enum ManagePolicy {
  /// - Parameters:
  ///   - data: the data directory, prepared (`HostSetup`).
  ///   - tokens: the token file. Its directory must be readable, because an editor replaces the file.
  ///   - user: whom to run as; nil to stay the same.
  public static func policy(
    data: String, tokens: String, user: Credentials?,
    systemCalls: ConfinementPolicy.SystemCalls = .enforced,
    landlock: ConfinementPolicy.Requirement = .wanted
  ) -> ConfinementPolicy {
    ConfinementPolicy(
      readWrite: ["\(data)/\(DataFolder.stagingPath)", "\(data)/\(DataFolder.ownersPath)"],
      readOnly: [data, Files.parent(of: tokens)], createOnly: ["\(data)/results"],
      receiveOnly: ["\(data)/spool"], user: user, systemCalls: systemCalls,
      table: { ManageSystemCalls.rules(inProcess: $0) }, landlock: landlock, lockedMemory: .unused)
  }
}
