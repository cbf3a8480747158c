// The affinity of a NIC's interrupts (Documentation/core-api/irq/irq-affinity.rst).
import Kernel

enum Interrupts {
  /// Returns the message-signalled interrupts of an interface, by number; empty if it has none (`veth`).
  ///
  /// Also empty if /sys belongs to another network namespace. The interface found there by name must have the same
  /// index and MAC address; otherwise the interrupts of another interface would be moved.
  static func of(_ interface: InterfaceState) -> [Interrupt] {
    let directory = "/sys/class/net/\(interface.name)"
    guard text("\(directory)/ifindex") == "\(interface.index)",
      text("\(directory)/address") == "\(interface.mac)"
    else { return [] }
    // The interrupts of a virtio device belong to its parent PCI device.
    let numbers =
      [
        "\(directory)/device/msi_irqs", "\(directory)/device/../msi_irqs",
      ].lazy.compactMap { try? SmallFile.names(in: $0) }.first ?? []
    let names = names()
    return numbers.compactMap { Int($0) }.sorted().compactMap { number in
      text("/proc/irq/\(number)/smp_affinity_list").map {
        Interrupt(number: number, name: names[number] ?? "", affinity: $0)
      }
    }
  }

  /// - Parameter cpus: A CPU list in the kernel's format, for example `2` or `0-3`.
  static func setAffinity(of number: Int, to cpus: String) throws(Errno) {
    try SmallFile.write(cpus, to: "/proc/irq/\(number)/smp_affinity_list")
  }

  /// Returns the queue that an interrupt serves, from its name: `eth0-TxRx-3` (Intel), `virtio0-input.3`,
  /// `mlx5_comp3@pci:0000:01:00.0`. Returns nil for interrupts of link changes and mailboxes.
  static func queue(ofInterruptNamed name: String) -> Int? {
    let markers = ["TxRx-", "rx-", "tx-", "input.", "output.", "comp"]
    let head = name.prefix { $0 != "@" }
    let digits = String(head.reversed().prefix { $0.isASCII && $0.isNumber }.reversed())
    guard markers.contains(where: { head.hasSuffix($0 + digits) }) else { return nil }
    return Int(digits)
  }

  /// Returns the last column of each numbered row of /proc/interrupts.
  private static func names() -> [Int: String] {
    guard let table = text("/proc/interrupts") else { return [:] }
    var names: [Int: String] = [:]
    for row in table.split(separator: "\n").dropFirst() {
      let columns = row.split(separator: " ")
      guard let number = columns.first?.split(separator: ":").first.flatMap({ Int($0) }),
        let name = columns.last
      else { continue }
      names[number] = String(name)
    }
    return names
  }

  private static func text(_ path: String) -> String? {
    guard let bytes = try? SmallFile.read(path, limit: 4 << 20) else { return nil }
    var text = Substring(String(decoding: bytes, as: UTF8.self))
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
