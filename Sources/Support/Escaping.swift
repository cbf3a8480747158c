// Untrusted text (file names, file contents, configuration values) made safe for the places it is printed to.

/// Escapes text of unknown origin for terminals, logs, JSON and Prometheus.
public enum Escaping {
  /// Returns whether a terminal shows `scalar` as itself.
  ///
  /// Control characters, format characters (which hide text or change its direction), line and paragraph
  /// separators, and code points without an assigned meaning are not visible.
  public static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return 0x20..<0x7f ~= scalar.value }
    return switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
      false
    default: true
    }
  }

  /// Returns `text` with every invisible character escaped: `\t`, `\r`, `\n`, `\x1b`, `\u{202e}`.
  ///
  /// Use it for whole messages, whose quotes must stay as they are.
  public static func visible(_ text: String) -> String {
    text.unicodeScalars.map { isVisible($0) ? String($0) : escape($0) }.joined()
  }

  /// Returns `text` with quotes and backslashes escaped, too, so that it can stand between quotes.
  ///
  /// - Parameter limit: the number of Unicode scalars after which `…` replaces the rest; nil for no limit.
  public static func quotable(_ text: String, limit: Int? = nil) -> String {
    var escaped = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index == limit { return escaped + "…" }
      if scalar == "\"" || scalar == "\\" {
        escaped += "\\\(scalar)"
      } else {
        escaped += isVisible(scalar) ? String(scalar) : escape(scalar)
      }
    }
    return escaped
  }

  /// Returns `byte`, which is not part of valid UTF-8, in the form that `quotable` gives to characters.
  public static func quotable(_ byte: UInt8) -> String {
    byte < 0x80 ? quotable(String(UnicodeScalar(byte))) : "\\x" + Hexadecimal.encode([byte])
  }

  /// Returns a file name, which need not be UTF-8, as text: every byte of an invisible character, a quote or a
  /// backslash becomes `\xNN`, so that the name's bytes can be recovered.
  public static func fileName(_ bytes: [UInt8]) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return bytes.map {
        isPlain(UnicodeScalar($0)) && $0 < 0x80
          ? String(UnicodeScalar($0)) : "\\x" + Hexadecimal.encode([$0])
      }
      .joined()
    }
    return text.unicodeScalars.map { scalar in
      isPlain(scalar)
        ? String(scalar) : String(scalar).utf8.map { "\\x" + Hexadecimal.encode([$0]) }.joined()
    }.joined()
  }

  /// Returns a value of a log line, in quotes and escaped if needed, so that untrusted text cannot break out of its field
  /// or line.
  public static func logValue(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy {
      isVisible($0) && $0 != " " && $0 != "\"" && $0 != "=" && $0 != "\\"
    }
    return isPlain && !text.isEmpty ? text : "\"\(quotable(text))\""
  }

  /// Returns `text` as a JSON string in UTF-8, quotes included (RFC 8259, section 7).
  public static func json(_ text: String) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    var bytes = [quote]
    for byte in text.utf8 {
      switch byte {
      case quote, UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: bytes += Array("\\u00\(Hexadecimal.encode([byte]))".utf8)
      default: bytes.append(byte)
      }
    }
    return bytes + [quote]
  }

  /// Returns `value` escaped for a label value of Prometheus's text format, without the quotes around it.
  public static func prometheusLabel(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    isVisible(scalar) && scalar != "\"" && scalar != "\\"
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\t": "\\t"
    case "\r": "\\r"
    case "\n": "\\n"
    case _ where scalar.isASCII: "\\x" + Hexadecimal.encode([UInt8(scalar.value)])
    default: "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
}
