// What the agent keeps when it gives up its privileges.
import Confinement
import Kernel

public enum AgentPolicy {
  /// The agent's user and group. The group is that of the management service: `spool/` has one group.
  public static let standardUser = Credentials(uid: 60_903, gid: 60_901)

  /// - Parameters:
  ///   - data: the data directory, prepared (`AgentSetup`).
  ///   - ports: of the brokers.
  ///   - user: whom to run as; nil to stay the same.
  public static func policy(
    data: String, ports: [UInt16], user: Credentials?,
    systemCalls: ConfinementPolicy.SystemCalls = .enforced,
    landlock: ConfinementPolicy.Requirement = .wanted
  ) -> ConfinementPolicy {
    ConfinementPolicy(
      readWrite: ["\(data)/\(AgentFolder.stagingPath)", "\(data)/\(AgentFolder.fleetPath)"],
      readOnly: [data], createOnly: ["\(data)/results"], receiveOnly: ["\(data)/spool"],
      connectPorts: ports, user: user, systemCalls: systemCalls,
      table: { AgentSystemCalls.rules(inProcess: $0) }, landlock: landlock,
      lockedMemory: .unused)
  }
}
