// A file that cannot be handled must not end the box.
import Kernel

/// A fault of one entry that others created: it cannot be opened, read or moved because of what it is. The box refuses
/// the entry and continues. A `Fault` that is not an entry's is the box's.
public struct EntryFault: Error, Hashable, Sendable, CustomStringConvertible {
  public let entry: FileName
  public let fault: Fault

  /// The errnos that a hostile or unsuitable entry can cause while disk and directory work.
  private static let causes: Set<Errno> = [
    .permissionDenied, .notPermitted, .tooManySymbolicLinkLevels, .fileNameTooLong, .isDirectory,
    .notDirectory, .directoryNotEmpty, .resourceBusy,
  ]

  /// Returns nil if the fault is the box's: the disk fails, or the box may not change `directory` at all.
  ///
  /// - Parameter directory: where the entry is.
  public init?(_ fault: Fault, of entry: FileName, in directory: String) {
    guard let cause = fault.cause, Self.causes.contains(cause) else { return nil }
    let isDenied = cause == .permissionDenied || cause == .notPermitted
    if isDenied, !Files.isUsable(directory, for: .modify) { return nil }
    self.entry = entry
    self.fault = fault
  }

  public var description: String { "\(entry): \(fault)" }
}

extension Spool {
  /// Returns the fault of an entry of the spool that an operation threw; nil if the fault is the box's.
  public func entryFault(_ fault: Fault, of entry: FileName) -> EntryFault? {
    EntryFault(fault, of: entry, in: data.spool)
  }

  /// Moves an entry of the spool into a new directory in active/.
  ///
  /// Returns false if the entry is gone. The directory is left only if the entry is in it.
  func move(_ entry: FileName, intoNew directory: String, as name: String) throws(Fault) -> Bool {
    try Files.makeDirectory(directory)
    let isMoved: Bool
    do throws(Fault) {
      isMoved = try Files.move(entry, in: data.spool, to: "\(directory)/\(name)")
    } catch {
      // Recovery would find it otherwise, and once more for every further try.
      try? Files.removeDirectory(directory)
      throw error
    }
    if !isMoved { try Files.removeDirectory(directory) }
    return isMoved
  }
}
