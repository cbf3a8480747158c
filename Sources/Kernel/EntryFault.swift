// Faults of directory entries that others made, kept apart from the faults of the box by their types.

/// A fault of one entry: it cannot be opened, read, moved or removed because of what it is or what its owner does with
/// it. It costs that entry, and nothing else.
public struct EntryFault: Error, Hashable, Sendable, CustomStringConvertible {
  public let entry: FileName
  public let fault: Fault

  public init(_ entry: FileName, _ fault: Fault) {
    self.entry = entry
    self.fault = fault
  }

  public var description: String { "\(entry): \(fault)" }
}

/// Why an operation on an entry failed.
///
/// No function that touches an entry throws a plain `Fault`, so the compiler asks every caller whose fault it is. The few
/// errnos that tell of the machine are listed; every other one is the entry's, because nobody can list what an entry may
/// cause.
public enum EntryError: Error, Hashable, Sendable, CustomStringConvertible {
  case entry(EntryFault)
  /// The disk fails, or the process lacks descriptors or memory.
  case box(Fault)

  /// Classifies a fault of opening or reading an entry. Even EIO is the entry's: the other files may be readable.
  public init(reading entry: FileName, _ fault: Fault) {
    self = fault.isResourceShortage ? .box(fault) : .entry(EntryFault(entry, fault))
  }

  /// Classifies a fault of moving or removing an entry.
  ///
  /// - Parameter directory: where the entry is. If the box may not change it at all, that is no fault of the entry.
  public init(changing entry: FileName, in directory: String, _ fault: Fault) {
    let isDenied = fault.cause == .permissionDenied || fault.cause == .notPermitted
    let isMachines =
      fault.isResourceShortage || fault.isStorageFailure
      || isDenied && !Files.isUsable(directory, for: .modify)
    self = isMachines ? .box(fault) : .entry(EntryFault(entry, fault))
  }

  /// The fault, whoever caused it.
  public var fault: Fault {
    switch self {
    case .entry(let own): own.fault
    case .box(let fault): fault
    }
  }

  public var description: String { fault.description }

  /// Does something that concerns no entry, so that its faults are the box's.
  public static func box<Value>(_ body: () throws(Fault) -> Value) throws(EntryError) -> Value {
    do throws(Fault) {
      return try body()
    } catch {
      throw .box(error)
    }
  }

  /// Moves or removes an entry of `directory`.
  public static func changing<Value>(
    _ entry: FileName, in directory: String, _ body: () throws(Fault) -> Value
  ) throws(EntryError) -> Value {
    do throws(Fault) {
      return try body()
    } catch {
      throw EntryError(changing: entry, in: directory, error)
    }
  }
}
