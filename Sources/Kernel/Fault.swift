// A runtime error as one message for the operator.

/// A failure of the machine or the kernel, as opposed to invalid input (`Plan.InputError`).
public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What failed, and where: "cannot bind AF_XDP to queue 3 of eth0".
  public var what: String
  /// The errno of the failed call.
  public var cause: Errno?
  /// Further reasons, for example the end of the verifier's log.
  public var detail: String?
  /// What the operator can do, as a sentence without a full stop.
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
