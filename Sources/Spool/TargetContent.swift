// What a target file says, whether it came as it is or compressed.
import Kernel
import Plan

/// The bytes of a target file without their wrapping.
public struct TargetContent: Sendable {
  /// Bytes of a target file, as it came and as it is expanded. A compressed file may say in a thousand bytes
  /// that it is a thousand million long: beyond this it is not believed.
  public static let limit = 1 << 31

  public let bytes: [UInt8]
  /// How to read them.
  public let format: TargetFile.Format

  /// Expands a gzip or zstd file, which is told by its first bytes; anything else is taken as it is. A name
  /// that ends in `.bin` means raw addresses whatever these look like, and one that ends in `.gz` or `.zst`
  /// must hold what it promises.
  ///
  /// Throws an `InputError` for data that is cut off, damaged or too large, or that something else follows.
  public init(
    _ bytes: [UInt8], name: String, format: TargetFile.Format = .auto, limit: Int = limit
  ) throws(InputError) {
    let promised = Compression.allCases.first { name.hasSuffix(".\($0.suffix)") }
    let found = name.hasSuffix(".bin") ? nil : Compression(startOf: bytes)
    if let promised, found != promised {
      throw InputError(
        file: name, place: .file, found: "a file that does not start like \(promised.rawValue)",
        expected: "\(promised.rawValue) data, as its name says")
    }
    guard let found else {
      self.bytes = bytes
      self.format = format
      return
    }
    do throws(DecompressionError) {
      self.bytes = try found.expand(bytes, limit: limit)
    } catch {
      throw Self.explained(error, found, name)
    }
    let inner = promised.map { name.dropLast($0.suffix.count + 1) } ?? name[...]
    self.format = format == .auto && inner.hasSuffix(".bin") ? .binary : format
  }

  /// At most so many bytes of the beginning of what starts like this; for directives, which stand there.
  static func head(_ start: [UInt8], limit: Int) -> [UInt8] {
    Compression(startOf: start)?.head(start, limit: limit) ?? start
  }

  private static func explained(_ error: DecompressionError, _ kind: Compression, _ name: String)
    -> InputError
  {
    let kind = kind.rawValue
    let raw = "Raw addresses that start like \(kind) data are read as such in a file named .bin"
    func mistake(_ found: String, _ expected: String, _ remedy: String? = nil) -> InputError {
      InputError(file: name, place: .file, found: found, expected: expected, remedy: remedy)
    }
    switch error {
    case .tooLarge(let limit):
      return mistake(
        "\(kind) data that expands to more than \(limit) bytes", "\(limit) at most",
        "Split it into several files")
    case .cutOff:
      return mistake(
        "\(kind) data that ends in the middle", "all of it", "The upload may have been cut off. \(raw)")
    case .damaged(let why):
      return mistake(
        "damaged \(kind) data (\(why))", "data that can be expanded", raw)
    case .trailing(let count):
      return mistake("\(count) bytes after the \(kind) data", "the end of the file")
    }
  }
}
