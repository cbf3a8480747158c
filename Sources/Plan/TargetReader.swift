// Reading a target file piece by piece, so that no file has to be in memory as a whole.

/// Reads a target file from pieces of any size. The result is that of `TargetFile.parse` for all of them together, except
/// that a line must not be longer than 1 MiB.
public struct TargetReader: Sendable {
  private let name: String
  private let format: TargetFile.Format
  private let keepsEntries: Bool
  private let memory: Int
  /// The size of the file in bytes, as far as it is known.
  private let size: Int?
  private var file: TargetFile
  private var lines: LineReader
  /// nil until the format is known.
  private var isBinary: Bool?
  /// What could not be read yet.
  private var pending: [UInt8] = []
  /// The bytes read, without those pending.
  private var consumed = 0
  /// Where the terminating 0.0.0.0 of a binary file ended.
  private var binaryEnd: Int?
  private var error: InputError?

  /// As many bytes decide whether a file is text or binary.
  private static let window = 4096

  /// - Parameters:
  ///   - maximumErrors: after so many, nothing more is read.
  ///   - keepsEntries: false to look for mistakes only.
  ///   - memory: the most bytes that entries and port sets may take.
  public init(
    name: String, format: TargetFile.Format = .auto, maximumErrors: Int = 1, keepsEntries: Bool = true,
    size: Int? = nil, memory: Int = .max
  ) {
    self.name = name
    self.format = format
    self.keepsEntries = keepsEntries
    self.size = size
    self.memory = memory
    file = TargetFile(name: name)
    lines = LineReader(
      name: name, maximumErrors: maximumErrors, nulRemedy: TargetFile.nulRemedy)
    if format != .auto { isBinary = format == .binary }
  }

  /// Whether more pieces would change nothing.
  public var isDone: Bool { error != nil || lines.errors.count >= lines.maximumErrors }

  /// Reads the next piece.
  public mutating func add(_ piece: ArraySlice<UInt8>) {
    guard !isDone else { return }
    let known = pending.count
    pending += piece
    if isBinary == nil {
      guard pending.count >= Self.window else { return }
      isBinary = TargetFile.detect(pending.span, name: name) == .binary
      read(from: 0)
    } else {
      read(from: known)
    }
  }

  /// Returns the file and its errors, if any.
  public consuming func finish() -> (file: TargetFile, errors: [InputError]) {
    if !isDone {
      if isBinary == nil { isBinary = TargetFile.detect(pending.span, name: name) == .binary }
      if isBinary == true {
        read(from: 0)
        if error == nil { endBinary() }
      } else {
        read(from: 0)
        if !pending.isEmpty { readText(pending.count) }
        if !isDone, lines.errors.isEmpty, file.entries.isEmpty, file.discarded == 0 {
          error = lines.error("no entry", expected: LineReader.entry)
        }
      }
    }
    return (file, lines.errors + (error.map { [$0] } ?? []))
  }

  /// - Parameter known: how many of the pending bytes have been looked at before.
  private mutating func read(from known: Int) {
    if isBinary == true { return readBinary() }
    if let end = pending[known...].lastIndex(of: Grammar.lineFeed) { readText(end + 1) }
    if pending.count > LineReader.longestLine, !isDone {
      error = lines.error(
        "a line of more than \(LineReader.longestLine) bytes", expected: "shorter lines")
    }
  }

  private mutating func readText(_ count: Int) {
    // Taken out of `self`, which the closure must not share.
    var (bytes, own, lines) = ([UInt8](), TargetFile(name: name), self.lines)
    swap(&bytes, &pending)
    swap(&own, &file)
    lines.read(bytes.span.extracting(0..<count)) { (text, at, position) throws(ParseError) in
      try own.readLine(text, &at, position)
    }
    swap(&bytes, &pending)
    swap(&own, &file)
    self.lines = lines
    drop(count)
  }

  private mutating func readBinary() {
    var at = 0
    while binaryEnd == nil, at + 4 <= pending.count {
      let address = pending[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) }
      at += 4
      if address == 0 {
        binaryEnd = consumed + at
      } else {
        file.entries.append(
          Entry(addresses: AddressRange(address, address), ports: PortSetTable.none))
      }
    }
    if file.firstWithoutPorts == nil, !file.entries.isEmpty { file.firstWithoutPorts = .byte(0) }
    if let end = binaryEnd, consumed + pending.count > end {
      let count = size.map { $0 - end }
      let found = count.map { "\($0) byte\($0 == 1 ? "" : "s")" } ?? "more bytes"
      error = binaryError(end, found: "\(found) after 0.0.0.0", expected: "the end of the file")
    }
    drop(at)
  }

  private mutating func endBinary() {
    if binaryEnd == nil {
      error = binaryError(
        consumed,
        found: pending.isEmpty ? "the end of the file" : "\(pending.count) of an address's 4 bytes",
        expected: "0.0.0.0 at the end of a binary file", remedy: "The file may be truncated")
    } else if file.entries.isEmpty, file.discarded == 0 {
      error = binaryError(0, found: "no address", expected: "at least one before 0.0.0.0")
    }
  }

  private func binaryError(_ at: Int, found: String, expected: String, remedy: String? = nil)
    -> InputError
  {
    InputError(file: name, location: .byte(at), found: found, expected: expected, remedy: remedy)
  }

  /// Forgets what has been read, and looks at the memory in use.
  private mutating func drop(_ count: Int) {
    consumed += count
    pending.removeFirst(count)
    if !keepsEntries {
      file.discarded += file.entries.count
      file.entries.removeAll(keepingCapacity: true)
      file.portSets = PortSetTable()
    } else if let size, file.entries.capacity < file.entries.count + file.entries.count / 4,
      file.entries.count >= LineReader.sample, consumed < size
    {
      // So that a long list is allocated about once, and not copied each time it has doubled.
      let expected = Double(file.entries.count) / Double(consumed) * Double(size) * 1.02
      file.entries.reserveCapacity(
        min(Int(expected), size / 4 + 1, memory / MemoryLayout<Entry>.stride))
    }
    let used = file.entries.count * MemoryLayout<Entry>.stride + file.portSets.memory
    if used > memory, !isDone {
      error = InputError(
        file: name, location: .file, found: "entries that take more than \(memory >> 20) MiB",
        expected: "fewer entries", remedy: "Split it into several files")
    }
  }
}
