// Parses option values with the parsers that directives in target files use, so that both accept the same.
import ArgumentParser
import Engine
import Plan
import Scan
import Support
import Wire

/// Parses a value for `@Option(transform:)`.
///
/// - Throws: A `ValidationError` with what was found and what was expected.
func parsed<Value: ParsableValue>(_ text: String) throws -> Value {
  do {
    return try Value(parsing: text)
  } catch {
    throw ValidationError(error.description)
  }
}

func parsedMAC(_ text: String) throws -> MACAddress {
  guard let mac = MACAddress(text), !mac.isGroup, mac != .zero else {
    throw ValidationError(
      "found \"\(text)\", expected a unicast Ethernet address such as 02:00:00:00:00:01")
  }
  return mac
}

func parsedFields(_ text: String) throws -> [ResultField] {
  do {
    return try ResultField.parse(list: text)
  } catch {
    throw ValidationError(error.description)
  }
}

extension ResetChoice: ParsableValue {
  package init(parsing text: String) throws(ValueError) {
    let words = "\"auto\" or \"transmitter\""
    guard text != "in-place" else {
      throw ValueError(
        found: "\"in-place\"",
        expected:
          "\(words): the receive program cannot check what it would reset, and sends no RSTs any more")
    }
    guard let choice = Self(rawValue: text) else {
      throw ValueError(found: "\"\(Escaping.quotable(text))\"", expected: words)
    }
    self = choice
  }
}

extension TransmitChoice: ExpressibleByArgument {}
extension SourceUseChoice: ExpressibleByArgument {}
extension ReceiveChoice: ExpressibleByArgument {}
extension ReportChoice: ExpressibleByArgument {}
extension OverloadChoice: ExpressibleByArgument {}
extension OutputFormat: ExpressibleByArgument {}
extension ProbeProfile: ExpressibleByArgument {}
extension TargetFile.Format: ExpressibleByArgument {}
extension SpecialPurpose.Rule: ExpressibleByArgument {}
