// Tables of settings: reading, defaults, differences, and the reference page.
import Plan
import Settings
import Testing

private enum Colour: String, CaseIterable, Sendable {
  case red
  case deepBlue = "deep-blue"
}

private struct Inner: Equatable {
  var names: [String] = []
  var limit = 3
}

private struct Box: Equatable {
  var path = ""
  var rate: PacketRate?
  var colour = Colour.red
  var ports: PortSet?
  var inner = Inner()
}

private let innerSettings = SettingsTable<Inner>(
  [
    Setting(
      "names", \.names, .list("a list of names such as [\"a\"]") { $0.string }, default: "none",
      "some names"),
    Setting("limit", \.limit, .integer(1...9), "how many"),
  ],
  check: { inner, table throws(InputError) in
    guard inner.names.count <= inner.limit else {
      throw table.error(
        "names", found: "\(inner.names.count) names", expected: "at most \(inner.limit)")
    }
  })

private let settings = SettingsTable<Box>([
  Setting("path", \.path, .path, default: .required("a path such as \"/data\""), "where it is"),
  Setting("rate", \.rate, .parsed("rate"), default: "none", reload: .onReload, "how fast"),
  Setting("colour", \.colour, .choice, "what it looks like"),
  Setting("ports", \.ports, .parsed("ports"), default: "none", reload: .onReload, "which doors"),
  .section("inner", \.inner, innerSettings, default: "none", reload: .onReload, "the rest"),
])

private func read(_ text: String) throws(InputError) -> Box {
  var box = Box()
  try settings.read(StrictTable(try TOMLDocument(text, file: "/etc/a.toml")), into: &box)
  return box
}

private func mistake(_ text: String) -> String? {
  do {
    return "read as \(try read(text))"
  } catch {
    return "\(error)"
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A table of settings` {
  @Test func `reads every key`() throws {
    let box = try read(
      """
      ports = [80, "443-445"]
      path = "data"
      rate = "1.5k"
      colour = "deep-blue"
      inner = { names = ["a", "b"], limit = 2 }
      """)
    let ports = try PortSet(parsing: "80,443-445")
    #expect(
      box
        == Box(
          path: "/etc/data", rate: PacketRate(1500), colour: .deepBlue, ports: ports,
          inner: Inner(names: ["a", "b"], limit: 2)))
  }

  @Test func `leaves a missing key at its default`() throws {
    #expect(try read("path = \"/b\"") == Box(path: "/b"))
  }

  @Test(arguments: [
    ("", "1:1: found no path, expected path = a path such as \"/data\""),
    ("path = true", "1:1: found true, expected text, a number, or a list of these"),
    ("path = []", "1:1: found an empty list, expected text, a number, or a list of these"),
    ("path = [[\"a\"]]", "1:1: found a list, expected text, a number, or a list of these"),
    ("path = ''", "1:1: found \"\", expected a path"),
    (
      "path = 'a'\nx = 1",
      "2:1: found the key \"x\", expected one of path, rate, colour, ports, inner"
    ),
    (
      "path = 'a'\n rate = 'fast'",
      "2:2: found \"fast\", expected packets per second, a whole number such as 100000, 100k or 1.5M, "
        + "at most 1G; 0 for no limit"
    ),
    ("path = 'a'\ncolour = 'green'", "2:1: found \"green\", expected one of \"red\", \"deep-blue\""),
    // The item of a list that is wrong.
    (
      "path = 'a'\nports = [\n  80,\n  '443,70000',\n]",
      "4:3: found \"70000\", expected a port from 1 to 65535"
    ),
    ("path = 'a'\ninner = 3", "2:1: found 3, expected a section [inner]"),
    ("path = 'a'\n[inner]\nlimit = 10", "3:1: found 10, expected a number from 1 to 9"),
    ("path = 'a'\n[inner]\nlimit = 1.0", "3:1: found 1.0, expected a number from 1 to 9"),
    ("path = 'a'\n[inner]\nlimits = 1", "3:1: found the key \"limits\", expected one of names, limit"),
    (
      "path = 'a'\n[inner]\nnames = ['b',\n 4]",
      "4:2: found 4, expected a list of names such as [\"a\"]"
    ),
    (
      "path = 'a'\ninner.limit = 1\ninner.names = ['b', 'c']",
      "3:7: found 2 names, expected at most 1"
    ),
  ])
  func `reports what is wrong at the key or item`(text: String, message: String) {
    #expect(mistake(text) == "/etc/a.toml:\(message)")
  }

  @Test func `finds the settings that differ, and whether a reload applies them`() throws {
    let old = try read("path = '/a'")
    let new = try read("path = '/b'\ncolour = 'deep-blue'\nrate = 7\n[inner]\nlimit = 4")
    let differences = settings.differences(old, new)
    #expect(differences.map(\.key) == ["path", "rate", "colour", "inner"])
    #expect(differences.map { $0.reload == .onReload } == [false, true, false, true])
    #expect(settings.differences(new, new).isEmpty)
  }

  @Test func `reads one key of a file in which others are wrong`() throws {
    var box = Box()
    let document = try TOMLDocument("rate = 'fast'\npath = '/a'", file: "a.toml")
    try settings.read(only: "path", of: StrictTable(document), into: &box)
    #expect(box == Box(path: "/a"))
    #expect(throws: InputError.self) {
      try settings.read(only: "rate", of: StrictTable(document), into: &box)
    }
  }

  @Test func `becomes the table of the reference page`() {
    let table = settings.markdown(
      of: Box(), nested: true,
      [
        (.key, "key"), (.type, "type"), (.standard, "default"), (.meaning, "meaning"),
        (.reload, "reload"),
      ])
    #expect(
      table == """
        | key | type | default | meaning | reload |
        |---|---|---|---|---|
        | `path` | path | required | where it is | no |
        | `rate` | rate | none | how fast | yes |
        | `colour` | `"red"`, `"deep-blue"` | `"red"` | what it looks like | no |
        | `ports` | ports | none | which doors | yes |
        | `inner` | table | none | the rest | yes |
        | `inner.names` | list | none | some names | no |
        | `inner.limit` | 1 to 9 | `3` | how many | no |

        """)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A page with generated parts` {
  @Test func `has the part between its marks replaced`() {
    let page = "a\n<!-- settings: x -->\nold\n<!-- end -->\nb\n<!-- settings: y -->\n<!-- end -->\n"
    #expect(
      GeneratedPage.replacing("x", in: page, with: "new\n")
        == "a\n<!-- settings: x -->\n\nnew\n\n<!-- end -->\nb\n<!-- settings: y -->\n<!-- end -->\n")
    #expect(GeneratedPage.replacing("z", in: page, with: "") == nil)
  }
}
