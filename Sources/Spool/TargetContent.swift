// The content of a target file, plain or compressed.
import Kernel
import Plan

/// The expanded bytes of a target file.
public struct TargetContent: Sendable {
  /// The maximum size in bytes of a target file, before and after expansion: a small compressed file can expand to
  /// any size.
  public static let limit = 1 << 31

  public let bytes: [UInt8]
  /// The format of `bytes`.
  public let format: TargetFile.Format

  /// Expands a gzip or zstd file, recognized by its first bytes, and keeps anything else as it is. A `.bin` file is
  /// never expanded: it contains raw addresses, whatever they look like. A `.gz` or `.zst` file must contain what its
  /// name says.
  ///
  /// Throws an `InputError` for data that is truncated, damaged, too large, or followed by other data.
  public init(
    _ bytes: [UInt8], name: String, format: TargetFile.Format = .auto, limit: Int = limit
  ) throws(InputError) {
    let found: Compression?
    (found, self.format) = try Self.recognize(bytes, name, format)
    guard let found else {
      self.bytes = bytes
      return
    }
    do throws(DecompressionError) {
      self.bytes = try found.expand(bytes, limit: limit)
    } catch {
      throw Self.inputError(for: error, found, name)
    }
  }

  /// Returns the compression of a file that starts with these bytes, and the format of what it expands to.
  static func recognize(
    _ bytes: [UInt8], _ name: String, _ format: TargetFile.Format
  ) throws(InputError) -> (Compression?, TargetFile.Format) {
    let named = Compression.allCases.first { name.hasSuffix(".\($0.suffix)") }
    let found = name.hasSuffix(".bin") ? nil : Compression(startOf: bytes)
    if let named, found != named {
      throw InputError(
        file: name, location: .file, found: "a file that does not start like \(named.rawValue)",
        expected: "\(named.rawValue) data, as its name says")
    }
    guard found != nil else { return (nil, format) }
    let inner = named.map { name.dropLast($0.suffix.count + 1) } ?? name[...]
    return (found, format == .auto && inner.hasSuffix(".bin") ? .binary : format)
  }

  /// Expands the start of a file, up to `limit` bytes: enough to read the directives.
  static func head(_ start: [UInt8], limit: Int) -> [UInt8] {
    Compression(startOf: start)?.head(start, limit: limit) ?? start
  }

  static func inputError(
    for error: DecompressionError, _ kind: Compression, _ name: String
  ) -> InputError {
    let kind = kind.rawValue
    let raw = "If these are raw addresses, name the file .bin"
    func invalid(_ found: String, _ expected: String, _ remedy: String? = nil) -> InputError {
      InputError(file: name, location: .file, found: found, expected: expected, remedy: remedy)
    }
    switch error {
    case .tooLarge(let limit):
      return invalid(
        "\(kind) data that expands to more than \(limit) bytes", "at most \(limit)",
        "Split it into several files")
    case .cutOff:
      return invalid(
        "truncated \(kind) data", "all of it", "The upload may be incomplete. \(raw)")
    case .damaged(let reason):
      return invalid(
        "damaged \(kind) data (\(reason))", "data that can be expanded", raw)
    case .trailing(let count):
      return invalid("\(count) bytes after the \(kind) data", "the end of the file")
    }
  }
}
