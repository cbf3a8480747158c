// Whether a scanner has what it needs: the NIC, its link, and the data partition.
import BoxAPI
import Init
import Kernel
import NIC

/// What is known about the link and the retries while no scanner runs. Times are nanoseconds.
struct Readiness {
  /// When to set up missing hardware again.
  var nextRetry: UInt64 = 0
  /// Whether the link had a carrier at the last check.
  var hasCarrier = false
  /// When the carrier was last present, or could not be known.
  var lastCarrier: UInt64 = 0
  /// When the last scanner ended.
  var lastEnd: UInt64 = 0
}

extension MainLoop {
  /// Lets the scanner start if it has everything it needs; otherwise has the status written in its place.
  func prepareScanner(_ now: UInt64) {
    let isReady = isReady(now)
    if isReady, services.isDue(Self.scanner, at: now) {
      // It holds the lock of the data directory.
      services.suspend(Self.statusWriter, at: now)
    } else if boot.hasData {
      idleStatus.publish(boot, now)
      services.resume(Self.statusWriter, at: now)
    }
    services.setReady(Self.scanner, isReady && !services.isRunning(Self.statusWriter), at: now)
  }

  /// Returns whether a scanner has everything it needs. Tries again every two seconds to set up whatever is missing.
  private func isReady(_ now: UInt64) -> Bool {
    let name = settings.interface.name
    if boot.device != nil, (try? LinkStatus(of: name)) == nil { boot.forgetInterface() }
    if !boot.hasData || boot.device == nil {
      guard now >= readiness.nextRetry else { return false }
      readiness.nextRetry = now + 2 * Self.second
      boot.retry()
      guard boot.hasData, boot.device != nil else { return false }
    }
    let hadCarrier = readiness.hasCarrier
    let hasCarrier = (try? LinkStatus(of: name))?.hasCarrier ?? false
    readiness.hasCarrier = hasCarrier
    // A scanner that ends detaches its program from the NIC, and some drivers take the link down for seconds then.
    readiness.lastCarrier = hasCarrier ? now : max(readiness.lastCarrier, readiness.lastEnd)
    if hasCarrier {
      boot.setProblem(.link, nil)
    } else if now - min(now, readiness.lastCarrier) > 5 * Self.second {
      boot.setProblem(.link, "\(name) has no carrier; check the cable and the port at its other end")
    }
    // A scanner that ended for lack of a carrier need not wait any longer.
    if hasCarrier, !hadCarrier { services.restartNow(Self.scanner, at: now) }
    return hasCarrier
  }
}
