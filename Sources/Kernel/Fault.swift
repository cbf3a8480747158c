// What went wrong while running: one sentence for the operator.

/// A failure of the machine or the kernel, as opposed to wrong input (`Plan.InputError`).
///
/// Reads as one sentence: what could not be done, why, and what to do about it.
public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What could not be done, with the object's name: "cannot bind AF_XDP to queue 3 of eth0".
  public var what: String
  /// The kernel's reason, where a call was refused.
  public var cause: Errno?
  /// Further reasons in words, for example the verifier's last lines.
  public var detail: String?
  /// What the operator can do.
  public var remedy: String?

  public init(_ what: String, cause: Errno? = nil, detail: String? = nil, remedy: String? = nil) {
    self.what = what
    self.cause = cause
    self.detail = detail
    self.remedy = remedy
  }

  public var description: String {
    var text = what
    if let cause { text += ": \(cause.message) (\(cause.symbol))" }
    if let detail { text += ": \(detail)" }
    if let remedy { text += ". \(remedy)" }
    return text
  }
}
