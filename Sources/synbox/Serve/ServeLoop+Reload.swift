// SIGHUP reloads the configuration. A new one is applied as a whole or not at all.
import Kernel
import Logging

extension ServeLoop {
  /// Starts a reload if SIGHUP asked for one, and applies the configuration that a reload has read. It applies to
  /// the jobs that start from then on; the running job keeps its settings.
  func reloadIfRequested() throws(Fault) {
    // A SIGHUP that comes while the files are being read asks for another reading: they may have changed since.
    isReloadRequested = signals.takeReloadRequest() || isReloadRequested
    if isReloadRequested, reload == nil {
      isReloadRequested = false
      log.info("reloading the configuration", metadata: ["path": "\(configuration.path)"])
      reload = try ConfigurationReload(path: configuration.path)
    }
    guard let result = reload?.take() else { return }
    reload = nil
    do {
      let new = try result.get()
      let keys = configuration.fixedKeys(changedIn: new.configuration)
      guard keys.isEmpty else { throw FixedKeyError(keys: keys) }
      configuration = new.configuration
      // The running job stops probing the addresses that the new scope denies.
      scopeWatch.replace(new.configuration.scope, with: new.scope)
      status.scopeSHA256 = new.scope.sha256
      status.problems[.configuration] = nil
      log.notice(
        "configuration reloaded; it applies to jobs that start from now on",
        metadata: ["scope": "\(new.scope.sha256)"])
    } catch {
      status.problems[.configuration] =
        "the changed configuration was rejected, and the previous one stays in force: \(error)"
      log.error(
        "configuration rejected; the previous one stays in force", metadata: ["reason": "\(error)"])
    }
  }
}
