// Which processor serves which of the NIC's interrupts (Documentation/core-api/irq/irq-affinity.rst).
import Kernel

enum Interrupts {
  /// The message-signalled interrupts of an interface, by number. Empty where there are none (`veth`)
  /// and in a namespace whose /sys shows another network: the interface found there by name must have
  /// this one's index and MAC address, or a stranger's interrupts would be moved.
  static func of(_ interface: InterfaceState) -> [Interrupt] {
    let directory = "/sys/class/net/\(interface.name)"
    guard text("\(directory)/ifindex") == "\(interface.index)",
      text("\(directory)/address") == "\(interface.mac)"
    else { return [] }
    // A virtio device's interrupts belong to the PCI device above it.
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

  /// `cpus` in the kernel's list notation, for example `2`.
  static func setAffinity(of number: Int, to cpus: String) throws(Errno) {
    try SmallFile.write(cpus, to: "/proc/irq/\(number)/smp_affinity_list")
  }

  /// The queue an interrupt serves, by its driver's way of naming: `eth0-TxRx-3` (Intel),
  /// `virtio0-input.3`, `mlx5_comp3@pci:0000:01:00.0`. nil for one that serves none (link changes,
  /// mailboxes).
  static func queue(ofInterruptNamed name: String) -> Int? {
    let marks = ["TxRx-", "rx-", "tx-", "input.", "output.", "comp"]
    let head = name.prefix { $0 != "@" }
    let digits = String(head.reversed().prefix { $0.isASCII && $0.isNumber }.reversed())
    guard marks.contains(where: { head.hasSuffix($0 + digits) }) else { return nil }
    return Int(digits)
  }

  /// The last column of each numbered row of /proc/interrupts.
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
