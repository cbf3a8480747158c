// How option values are read: by the same parsers as directives in target files, with the same words.
import ArgumentParser
import Plan
import Scan
import Wire

/// For `@Option(transform:)`: the value, or a validation error that says what was found and expected.
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
      "found \"\(text)\", expected an Ethernet address of one host such as 02:00:00:00:00:01")
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

extension TransmitChoice: ExpressibleByArgument {}
extension ResetChoice: ExpressibleByArgument {}
extension ReceiveChoice: ExpressibleByArgument {}
extension ReportChoice: ExpressibleByArgument {}
extension OutputFormat: ExpressibleByArgument {}
extension ProbeProfile: ExpressibleByArgument {}
extension TargetFile.Format: ExpressibleByArgument {}
extension SpecialPurpose.Rule: ExpressibleByArgument {}
