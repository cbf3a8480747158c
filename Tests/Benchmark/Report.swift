// Figures by name, as text and as JSON.

import Support

/// Figures in the order in which they were measured.
struct Report {
  enum Figure {
    case value(Double, unit: String)
    /// Why the figure could not be measured.
    case error(String)
  }

  private var figures: [(name: String, figure: Figure)] = []

  mutating func add(_ name: String, _ value: Double, _ unit: String) {
    figures.append((name, .value(value, unit: unit)))
  }

  /// Measures `name`. If `measure` throws, the error is recorded instead.
  mutating func add(_ name: String, _ unit: String, _ measure: () throws -> Double) {
    do {
      add(name, try measure(), unit)
    } catch {
      figures.append((name, .error("\(error)")))
    }
  }

  /// `{name: {"value": x, "unit": "…"}}`, or `{name: {"error": "…"}}`.
  var json: String {
    let members = figures.map { name, figure in
      switch figure {
      case .value(let value, let unit):
        "\(Self.quote(name)): {\"value\": \(value), \"unit\": \(Self.quote(unit))}"
      case .error(let reason): "\(Self.quote(name)): {\"error\": \(Self.quote(reason))}"
      }
    }
    return "{\n  \(members.joined(separator: ",\n  "))\n}"
  }

  var text: String {
    let width = figures.map(\.name.count).max() ?? 0
    return figures.map { name, figure in
      let padding = String(repeating: " ", count: width - name.count + 2)
      return switch figure {
      case .value(let value, let unit): "\(name)\(padding)\(Self.short(value)) \(unit)"
      case .error(let reason): "\(name)\(padding)not measured: \(reason)"
      }
    }.joined(separator: "\n")
  }

  /// Returns about three significant digits: 31.4 M, 8.25, 105.
  private static func short(_ value: Double) -> String {
    switch value {
    case 1e6...: "\(Int((value / 1e5).rounded()) / 10).\(Int((value / 1e5).rounded()) % 10) M"
    case 100...: "\(Int(value.rounded()))"
    default: "\((value * 100).rounded() / 100)"
    }
  }

  private static func quote(_ text: String) -> String {
    String(decoding: Escaping.json(text), as: UTF8.self)
  }
}
