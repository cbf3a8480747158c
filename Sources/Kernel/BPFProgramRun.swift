// Runs a loaded XDP program on a given packet, without an interface (Documentation/bpf/bpf_prog_run.rst). Needs root
// or CAP_BPF if unprivileged BPF is disabled.
import CLinux

/// The verdict of an XDP program (`enum xdp_action`).
public enum XDPVerdict: UInt32, Sendable {
  case aborted = 0
  case drop = 1
  case pass = 2
  case transmit = 3
  case redirect = 4
}

/// The outcome of one run.
public struct BPFProgramRun: Sendable {
  /// The program's return value, which need not be a verdict.
  public let code: UInt32
  public var verdict: XDPVerdict? { XDPVerdict(rawValue: code) }
  /// The packet after the last run.
  public let output: [UInt8]
  /// The average duration of a run.
  public let nanoseconds: UInt32

  /// Runs `program` `times` times on `frame`. Each run gets the packet as the previous run left it.
  ///
  /// - Throws: EINVAL if the frame is shorter than an Ethernet header or does not fit into a page.
  public init(program: Int32, frame: [UInt8], times: UInt32 = 1) throws(Errno) {
    // The kernel fails if the output does not fit, but none of our programs makes a packet longer.
    var output = [UInt8](repeating: 0, count: frame.count)
    var (length, code, nanoseconds) = (UInt32(frame.count), UInt32(0), UInt32(0))
    let error = unsafe clinux_program_run(
      program, frame, UInt32(frame.count), &output, &length, times, &code, &nanoseconds)
    guard error == 0 else { throw Errno(-error) }
    output.removeLast(output.count - Int(length))
    self.code = code
    self.output = output
    self.nanoseconds = nanoseconds
  }
}
