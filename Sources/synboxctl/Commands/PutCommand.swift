// put: submit a target file.
import ArgumentParser
import BoxClient
import Crypto
import Kernel
import NIOHTTP1
import Plan
import Support
import Synchronization

struct PutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put",
    abstract: "Submit a target file. Nothing is left on the box if it is refused or cut off.")

  @OptionGroup var options: BoxOptions
  @Argument(help: "The target file: plain, gzip or zstd.", completion: .file()) var file: String
  @Option(help: ArgumentHelp("Name of the job. Default: the file's.", valueName: "name"))
  var name: String?
  @Flag(help: "Wait until the job has ended. Exit status 2 if it was rejected.")
  var wait = false

  func run() async throws {
    let connection = try options.connection()
    let name = self.name ?? String(file.split(separator: "/").last ?? "")
    guard !name.isEmpty, file != "-" else {
      throw UsageError("found \"\(Escaping.quotable(file))\", expected a file")
    }
    let upload = try Upload(file)
    let request = Request(
      method: .PUT, path: APIPath.spool(name),
      fields: [
        ("Content-Length", "\(upload.size)"),
        ("Repr-Digest", DigestField.field(upload.hash)),
      ])
    let shows = Terminal.errorIsTerminal && !options.json
    let source = try upload.source { sent in
      guard shows else { return }
      let share = upload.size == 0 ? 1 : Double(sent) / Double(upload.size)
      Terminal.error(
        ProgressBar.line(
          "put", share, "\(ProgressBar.bytes(sent)) of \(ProgressBar.bytes(upload.size))"))
    }
    let body: [UInt8]
    do {
      defer { if shows { Terminal.error("\r\u{1b}[K") } }
      // The box checks the whole file before it answers.
      body = try await connection.exchange(request, body: source, silence: 300) { try await $0.bytes() }
    } catch let problem as ProblemDetails where !problem.mistakes.isEmpty {
      Terminal.error(problem.text(file: file) + "\n")
      throw ExitCode(2)
    }
    if options.json, !wait { return Terminal.output(String(decoding: body, as: UTF8.self) + "\n") }
    if !options.json { Terminal.output("\(Escaping.visible(name)) is in the spool\n") }
    if wait { try await self.wait(for: name, connection, shows) }
  }

  private func wait(for name: String, _ connection: BoxConnection, _ shows: Bool) async throws {
    var failures = 0
    while true {
      try await Task.sleep(for: .seconds(1))
      let body: [UInt8]
      do {
        body = try await connection.get(APIPath.job(name))
        failures = 0
      } catch  where (error is ConnectionCut || error is Fault) && failures < 30 {
        failures += 1
        continue
      }
      guard let job = Answer.read(RemoteJob.self, body) else {
        throw Fault("the box described a job in a form that cannot be read")
      }
      if shows {
        Terminal.error(
          ProgressBar.line(
            job.state, job.hasEnded ? 1 : job.progress ?? 0,
            Escaping.visible(job.hasEnded ? "" : job.account)))
      }
      guard job.hasEnded else { continue }
      if shows { Terminal.error("\r\u{1b}[K") }
      if options.json {
        Terminal.output(String(decoding: body, as: UTF8.self) + "\n")
      } else {
        Terminal.output(Escaping.visible("\(name) \(job.state): \(job.account.trimmed)") + "\n")
      }
      if job.state == "rejected" { throw ExitCode(2) }
      return
    }
  }
}

extension String {
  /// Without the line ends at its end.
  fileprivate var trimmed: String {
    var text = self[...]
    while let last = text.last, last.isNewline { text.removeLast() }
    return String(text)
  }
}

/// A file that is read twice: once for its size and hash, once to be sent.
struct Upload: Sendable {
  private static let piece = 1 << 17
  let path: String
  let size: UInt64
  let hash: [UInt8]

  init(_ path: String) throws(Fault) {
    self.path = path
    let file = try Files.openToRead(path)
    var hasher = SHA256()
    var size: UInt64 = 0
    while true {
      let bytes = try Files.readPiece(file.number, name: path, size: Self.piece)
      if bytes.isEmpty { break }
      hasher.update(data: bytes)
      size += UInt64(bytes.count)
    }
    self.size = size
    hash = Array(hasher.finalize())
  }

  /// - Parameter report: is told how many bytes were read so far.
  func source(_ report: @escaping @Sendable (UInt64) -> Void) throws(Fault) -> BodySource {
    let reader = Reader(try Files.openToRead(path))
    let (path, size) = (path, size)
    return {
      let bytes = try Files.readPiece(reader.file.number, name: path, size: Self.piece)
      let sent = reader.sent.withLock { sent in
        sent += UInt64(bytes.count)
        return sent
      }
      guard sent <= size, !bytes.isEmpty || sent == size else {
        throw Fault("\(path) changed while it was being sent")
      }
      report(sent)
      return bytes.isEmpty ? nil : bytes
    }
  }

  private final class Reader: Sendable {
    let file: Descriptor
    let sent = Mutex<UInt64>(0)
    init(_ file: consuming Descriptor) { self.file = file }
  }
}
