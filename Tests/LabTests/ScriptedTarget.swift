import Foundation
import LabSupport

/// Replies to a SYN with any number of packets in any order, unlike any TCP.
final class ScriptedTarget {
  private let program: Running

  /// - Parameters:
  ///   - replies: For each address, the replies to one SYN in order: `S` a SYN-ACK, `R` an RST that
  ///     acknowledges the SYN, `r` an RST that acknowledges its sequence number, `I` an ICMP port unreachable. A
  ///     number before a letter repeats it.
  ///   - collected: How many SYNs must come before all their replies leave at once.
  init(_ lab: Lab, _ replies: [String: String], collected: Int = 1) throws {
    let rules = try JSONSerialization.data(withJSONObject: replies)
    program = try Running(
      lab.inside(
        lab.net, ["python3", "-c", Self.source, String(decoding: rules, as: UTF8.self), "\(collected)"])
    )
    try program.wait(for: "readiness") { $0.text.contains("ready") }
  }

  deinit { program.signal(SIGKILL) }

  private static let source = """
    import json, re, socket, struct, sys

    rules = {socket.inet_aton(address): re.findall(r"(\\d*)(\\w)", text)
             for address, text in json.loads(sys.argv[1]).items()}

    def checksum(bytes):
        if len(bytes) % 2:
            bytes += b"\\0"
        total = sum(struct.unpack(">%dH" % (len(bytes) // 2), bytes))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return ~total & 0xffff

    def ipv4(source, destination, protocol, payload):
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 60, protocol, 0, source, destination)
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload

    def tcp(flags, acknowledges):
        head = struct.pack(">HHIIBBHHH", port, scanner_port, 7, acknowledges & 0xffffffff, 0x50, flags, 1024, 0, 0)
        pseudo = target + scanner + struct.pack(">HH", 6, len(head))
        return ipv4(target, scanner, 6, head[:16] + struct.pack(">H", checksum(pseudo + head)) + head[18:])

    def unreachable():
        message = struct.pack(">BBHI", 3, 3, 0, 0) + frame[14:42]
        return ipv4(target, scanner, 1, message[:2] + struct.pack(">H", checksum(message)) + message[4:])

    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    link.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    link.bind(("net0", 0x0800))
    waiting, syns, collected = [], 0, int(sys.argv[2])
    print("ready", flush=True)
    while True:
        frame = link.recv(2048)
        if frame[12:15] != b"\\x08\\x00\\x45" or frame[23] != 6 or frame[47] != 2 or frame[30:34] not in rules:
            continue
        scanner, target = frame[26:30], frame[30:34]
        scanner_port, port, sequence = struct.unpack(">HHI", frame[34:42])
        ethernet = frame[6:12] + frame[:6] + b"\\x08\\x00"
        for count, kind in rules[target]:
            reply = {"S": lambda: tcp(18, sequence + 1), "R": lambda: tcp(20, sequence + 1),
                     "r": lambda: tcp(20, sequence), "I": unreachable}[kind]()
            waiting += [ethernet + reply] * int(count or 1)
        syns += 1
        if syns < collected:
            continue
        for frame in waiting:
            link.send(frame)
        waiting = []
    """
}
