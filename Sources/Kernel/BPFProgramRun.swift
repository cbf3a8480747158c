// Running a loaded XDP program on a packet of one's own, on no interface (kernel:
// Documentation/bpf/bpf_prog_run.rst). Needs CAP_BPF or root where unprivileged BPF is off.
import CLinux

/// What an XDP program says of a packet (`enum xdp_action`).
public enum XDPVerdict: UInt32, Sendable {
  case aborted = 0
  case drop = 1
  case pass = 2
  case transmit = 3
  case redirect = 4
}

/// The outcome of one run.
public struct BPFProgramRun: Sendable {
  /// As returned, for it may be no verdict at all.
  public let code: UInt32
  public var verdict: XDPVerdict? { XDPVerdict(rawValue: code) }
  /// The packet as the program left it.
  public let output: [UInt8]
  /// For one packet, the average over all repetitions.
  public let nanoseconds: UInt32

  /// Runs `program` on `frame`, `times` times over; each repetition sees what the one before left.
  ///
  /// Throws EINVAL for a frame shorter than an Ethernet header or longer than a page can hold.
  public init(program: Int32, frame: [UInt8], times: UInt32 = 1) throws(Errno) {
    // The kernel copies all of the output or fails: no program here makes a packet longer.
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
