// What is wrong with something that another side of the fleet wrote.
import Support

/// An object, a file or a request of the fleet that cannot be used.
public struct FleetError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One line, safe to print.
  public let description: String

  /// - Parameter description: may contain foreign text; invisible characters are escaped, and it is cut at 300 characters.
  public init(_ description: String) {
    self.description = Self.shown(description, limit: 300)
  }

  /// Returns foreign text as one line that is safe to print.
  public static func shown(_ text: String, limit: Int) -> String {
    let scalars = text.unicodeScalars
    let cut = String(String.UnicodeScalarView(scalars.prefix(limit)))
    return Escaping.visible(cut) + (scalars.count > limit ? "…" : "")
  }
}
