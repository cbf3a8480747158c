// Target files read piece by piece, expanded on the way.
import Kernel
import Plan

/// A target file that was read from a descriptor.
public struct TargetStream: Sendable {
  /// Why it could not be read to its end. Mistakes in the file are no such reason.
  public enum Failure: Error, Sendable {
    case fault(EntryError)
    /// The watcher of the budget stopped it.
    case stopped
  }

  public let file: TargetFile
  /// At most the wanted number; the file is valid if there are none.
  public let mistakes: [InputError]
  /// The number and the checksum of the bytes, after expansion.
  public let length: Int
  public let checksum: CRC32C

  /// Reads a regular file of a directory in which others put files.
  public static func read(
    _ name: String, in directory: String, keepsEntries: Bool = true, budget: PlanBudget = .unlimited
  ) throws(Failure) -> TargetStream {
    let descriptor: Descriptor
    do throws(EntryError) {
      descriptor = try Files.openEntry(FileName(name), in: directory)
    } catch {
      throw .fault(error)
    }
    return try read(descriptor, name: name, keepsEntries: keepsEntries, budget: budget)
  }

  /// Reads a file or a pipe. Needs memory for its entries, and for two pieces of its bytes.
  ///
  /// - Parameters:
  ///   - mistakes: how many to look for.
  ///   - keepsEntries: false to look for mistakes only.
  ///   - limit: the most bytes, before and after expansion.
  public static func read(
    _ descriptor: borrowing Descriptor, name: String, format: TargetFile.Format = .auto,
    mistakes: Int = 100, keepsEntries: Bool = true, budget: PlanBudget = .unlimited,
    limit: Int = TargetContent.limit
  ) throws(Failure) -> TargetStream {
    let status = Files.status(of: descriptor)
    let size = status.flatMap { $0.kind == .file ? Int(clamping: $0.size) : nil }
    let number = descriptor.number
    var piece = try readPiece(number, name)
    let session = Session(name, format, limit, budget, start: piece)
    session.begin(mistakes, keepsEntries, size: size)
    while !session.isDone {
      let next = piece.isEmpty ? [] : try readPiece(number, name)
      session.take(piece, isLast: next.isEmpty)
      if session.isStopped { throw .stopped }
      if next.isEmpty { break }
      piece = next
    }
    return session.finish()
  }

  private static func readPiece(_ number: Int32, _ name: String) throws(Failure) -> [UInt8] {
    do throws(Fault) {
      return try Files.readPiece(number, name: name, size: 1 << 18)
    } catch {
      throw .fault(EntryError(reading: FileName(name), error))
    }
  }
}

/// The reading of one file.
private final class Session {
  private let name: String
  private let limit: Int
  private let budget: PlanBudget
  private var format: TargetFile.Format
  private var kind: Compression?
  private var decompressor: Decompressor?
  private var reader: TargetReader?
  private var problem: InputError?
  /// Bytes before and after expansion.
  private var taken = 0
  private var length = 0
  private var checksum = CRC32C()
  private(set) var isStopped = false

  /// - Parameter start: the first bytes, by which a compression is recognized.
  init(
    _ name: String, _ format: TargetFile.Format, _ limit: Int, _ budget: PlanBudget, start: [UInt8]
  ) {
    self.name = name
    self.limit = limit
    self.budget = budget
    self.format = format
    do throws(InputError) {
      (kind, self.format) = try TargetContent.recognize(start, name, format)
    } catch {
      problem = error
    }
    guard let kind else { return }
    do throws(DecompressionError) {
      decompressor = try Decompressor(kind)
    } catch {
      problem = TargetContent.inputError(for: error, kind, name)
    }
  }

  func begin(_ mistakes: Int, _ keepsEntries: Bool, size: Int?) {
    reader = TargetReader(
      name: name, format: format, maximumErrors: mistakes, keepsEntries: keepsEntries,
      size: kind == nil ? size : nil, memory: budget.memory)
  }

  var isDone: Bool { isStopped || problem != nil || reader?.isDone ?? true }

  func take(_ piece: [UInt8], isLast: Bool) {
    taken += piece.count
    if let kind {
      do throws(DecompressionError) {
        try decompressor?.feed(piece, isLast: isLast) { (text) throws(DecompressionError) in add(text) }
      } catch {
        problem = problem ?? TargetContent.inputError(for: error, kind, name)
      }
    } else {
      _ = add(piece[...])
    }
    if problem == nil, taken > limit { problem = tooLong }
  }

  /// Reads the next bytes of the text; returns whether more are wanted.
  private func add(_ text: ArraySlice<UInt8>) -> Bool {
    switch budget.verdict(1 + text.count >> 6) {
    case .goAhead: break
    case .stop: isStopped = true
    case .outOfTime:
      problem = error("a file whose reading takes too long", "one that is read in the time allowed")
    }
    length += text.count
    if length > limit { problem = problem ?? tooLong }
    guard !isDone else { return false }
    checksum.add(text)
    reader?.add(text)
    return !isDone
  }

  func finish() -> TargetStream {
    let (file, found) = reader.take()?.finish() ?? (TargetFile.empty(name), [])
    return TargetStream(
      file: file, mistakes: problem.map { [$0] } ?? found, length: length, checksum: checksum)
  }

  private var tooLong: InputError {
    if let kind { return TargetContent.inputError(for: .tooLarge(limit: limit), kind, name) }
    return error("a file of more than \(limit) bytes", "at most \(limit)")
  }

  private func error(_ found: String, _ expected: String) -> InputError {
    InputError(
      file: name, location: .file, found: found, expected: expected,
      remedy: "Split it into several files")
  }
}
