// SIGHUP: the configuration is read again. A new one is taken as a whole or not at all.
import Kernel
import Logging

extension ServeLoop {
  /// Begins to read when it was asked for, and takes what was read. Jobs that are begun from then on go by the
  /// new one; the job in work keeps its settings.
  func followConfiguration() throws(Fault) {
    if signals.isReloadWanted(), reload == nil {
      log.info("reading the configuration again", metadata: ["path": "\(configuration.path)"])
      reload = try ConfigurationReload(path: configuration.path)
    }
    guard let result = reload?.take() else { return }
    reload = nil
    do {
      let new = try result.get()
      let settled = configuration.settledKeys(differingIn: new.configuration)
      guard settled.isEmpty else { throw ReloadRefusal(keys: settled) }
      configuration = new.configuration
      // What the new scope denies holds for the job in work too.
      scopeWatch.replace(new.configuration.scope, with: new.scope)
      status.scopeSHA256 = new.scope.sha256
      status.problems[.configuration] = nil
      log.notice(
        "the new configuration is in force for jobs that begin from now on",
        metadata: ["scope": "\(new.scope.sha256)"])
    } catch {
      status.problems[.configuration] =
        "the configuration was changed to one that is refused; the old one stays in force: \(error)"
      log.error(
        "the new configuration is refused, the old one stays in force", metadata: ["why": "\(error)"])
    }
  }
}
