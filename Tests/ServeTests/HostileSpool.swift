// Someone who may write into a spool, and means no good.
import Foundation
import Glibc
import LabSupport
import TestSupport

/// Makes entries of every kind at random.
struct HostileSpool {
  private let spool: String
  private var random: SeededGenerator
  private var serial = 0
  /// Descriptors with a lease or a lock on an entry, and entries that grow.
  private var held: [Int32] = []
  private var growing: [Int32] = []
  private let bombs: [String]
  private(set) var made = 0

  /// - Parameter directory: where compressed files are prepared.
  init(spool: String, directory: String, seed: UInt64) throws {
    self.spool = spool
    random = SeededGenerator(seed)
    bombs = ["\(directory)/zeros.gz", "\(directory)/comments.zst", "\(directory)/nested.gz"]
    let make = """
      cd '\(directory)'
      head -c 200000000 /dev/zero | gzip -1 > zeros.gz
      yes '# nothing to see on this line, which is repeated for a long while' | head -c 300000000 | zstd -q -1 > comments.zst
      seq 0 19999 | awk '{printf "198.18.%d.%d-198.19.%d.%d:%d,%d\\n", $1/256%256, $1%256, 255-$1/256%256, 255-$1%256, $1%60000+1, $1*7%65000+1}' | gzip > nested.gz
      """
    let outcome = try run(["sh", "-c", make], seconds: 120)
    guard outcome.status == 0 else { throw LabError("cannot prepare: \(outcome.errors)") }
    signal(SIGIO, SIG_IGN)
  }

  private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  private mutating func name(_ suffix: String = ".txt") -> String {
    serial += 1
    return "h\(serial)\(suffix)"
  }

  private func path(_ name: String) -> String { "\(spool)/\(name)" }

  private mutating func write(_ text: String, _ suffix: String = ".txt") -> String {
    let path = path(name(suffix))
    try? Data(text.utf8).write(to: URL(fileURLWithPath: path), options: [])
    return path
  }

  private mutating func hold(_ descriptor: Int32) {
    held.append(descriptor)
    if held.count > 16 { close(held.remove(at: below(held.count))) }
  }

  private static let target = "198.18.200.0/28:80\n"

  /// Does one thing.
  mutating func act() {
    made += 1
    for descriptor in growing { _ = unsafe Glibc.write(descriptor, "198.18.200.1:80\n", 16) }
    switch below(16) {
    case 0, 1:
      let descriptor = unsafe open(write(Self.target), O_RDWR)
      _ = fcntl(descriptor, 1024, [F_WRLCK, F_RDLCK][below(2)])
      hold(descriptor)
    case 2:
      let descriptor = unsafe open(write(Self.target), O_RDWR)
      _ = flock(descriptor, LOCK_EX)
      hold(descriptor)
    case 3:
      let seconds = [99_999_999_999, -99_999_999_999, 9_000_000_000_000_000, 0][below(4)]
      let times: [timespec] = [
        timespec(tv_sec: seconds, tv_nsec: 999_999_999), timespec(tv_sec: seconds, tv_nsec: 0),
      ]
      _ = unsafe utimensat(AT_FDCWD, write(Self.target), times, 0)
    case 4:
      let path = path(name([".txt", ".bin"][below(2)]))
      let descriptor = unsafe open(path, O_RDWR | O_CREAT, 0o644)
      _ = ftruncate(descriptor, off_t(1 << 30))
      close(descriptor)
    case 5:
      growing.append(unsafe open(write(Self.target), O_WRONLY | O_APPEND))
      if growing.count > 4 { close(growing.removeFirst()) }
    case 6: copyBomb()
    case 7: _ = write(directives() + Self.target)
    case 8: _ = write(directives() + "198.18.0.0/16:*\n")
    case 9: makeSpecial()
    case 10: makeOddName()
    case 11:
      for _ in 0..<below(50) { _ = write(["", "x", Self.target, "@rate 1\n"][below(4)]) }
    case 12: _ = unsafe chmod(write(Self.target), 0)
    case 13:
      let first = write(Self.target)
      for _ in 0..<5 {
        let other = path(name())
        _ = unsafe link(first, other)
        _ = unsafe rename(other, path(name()))
      }
    case 14: _ = write("", "h\(below(max(1, serial))).txt.cancel")
    default: removeSomething()
    }
  }

  /// Makes many files at once.
  mutating func crowd(_ count: Int) {
    for number in 0..<count { _ = write(number % 2 == 0 ? Self.target : "x") }
    made += count
  }

  private mutating func copyBomb() {
    let bomb = bombs[below(bombs.count)]
    let name = name(String(bomb.suffix(bomb.hasSuffix("zst") ? 4 : 3)))
    try? FileManager.default.copyItem(atPath: bomb, toPath: path(".\(name)"))
    _ = unsafe rename(path(".\(name)"), path(name))
  }

  /// Every directive at its extremes.
  private mutating func directives() -> String {
    let all = [
      "@cooldown \(["8760h", "0", "0.000000001", "300s"][below(4)])",
      "@probes \([1, 255, 16, 17][below(4)])", "@rate \(["0", "1", "1G", "999999999"][below(4)])",
      "@bandwidth \(["0", "1K", "1000G"][below(3)])",
      "@seed \(["0", "18446744073709551615"][below(2)])\n@shard \(["0/1", "4294967294/4294967295"][below(2)])",
      "@priority \([0, 50, 99][below(3)])", "@ports \(["*", "1", "65535", "1-65535"][below(4)])",
    ]
    return all.filter { _ in below(3) == 0 }.map { $0 + "\n" }.joined()
  }

  private mutating func makeSpecial() {
    let path = path(name())
    switch below(5) {
    case 0: _ = unsafe mkfifo(path, 0o666)
    case 1: _ = unsafe mkdir(path, [0o777, 0][below(2)])
    case 2: _ = unsafe symlink(["/dev/zero", "/etc/shadow", "nowhere", "."][below(4)], path)
    case 3:
      // A socket and a device, by mknod(2).
      _ = unsafe mknod(path, [S_IFSOCK, S_IFCHR][below(2)] | 0o666, 0x0105)
    default:
      _ = unsafe mkdir(path, 0o755)
      _ = unsafe mkdir(path + "/deep", 0o700)
      try? Data("x".utf8).write(to: URL(fileURLWithPath: path + "/deep/x"))
    }
  }

  private mutating func makeOddName() {
    let names: [[UInt8]] = [
      Array("-rf".utf8), Array("job.json".utf8), Array("a\nlevel=critical b".utf8), [0xff, 0xfe, 0x2e],
      Array(repeating: UInt8(ascii: "n"), count: 255), Array("\u{202e}txt.exe".utf8),
      Array(".cancel".utf8),
      Array("no-such-job.cancel".utf8), Array("results.partial".utf8), Array("*".utf8), Array("~".utf8),
    ]
    let name = names[below(names.count)]
    let bytes = (Array("\(spool)/".utf8) + name + [0]).map { CChar(bitPattern: $0) }
    let descriptor = unsafe open(bytes, O_RDWR | O_CREAT, 0o644)
    guard descriptor >= 0 else { return }
    _ = unsafe Glibc.write(descriptor, Self.target, Self.target.utf8.count)
    close(descriptor)
  }

  /// Takes something away, perhaps while the box is at it.
  private mutating func removeSomething() {
    let path = path("h\(below(max(1, serial))).txt")
    _ = unsafe below(2) == 0 ? unlink(path) : rename(path, self.path("h\(below(serial + 1)).txt"))
  }

  /// Lets go of everything.
  mutating func end() {
    for descriptor in held + growing { close(descriptor) }
    (held, growing) = ([], [])
  }
}
