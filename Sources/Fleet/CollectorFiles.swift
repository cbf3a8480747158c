// The collector's small files: which boxes there are, what operators signed. Each is replaced as a whole.

extension CollectorMachine {
  /// `boxes.json`.
  public static func bytes(of boxes: [BoxRecord]) -> [UInt8] {
    JSONValue.object([
      "v": .number(1),
      "boxes": .list(
        boxes.map {
          .object([
            "name": .text($0.name.description), "key": .text($0.key),
            "standing": .text($0.standing.rawValue),
          ])
        }),
    ]).canonical + [10]
  }

  public static func boxes(parsing bytes: [UInt8]) throws(FleetError) -> [BoxRecord] {
    let fields = try file(bytes, "boxes.json", ["v", "boxes"])
    var boxes: [BoxRecord] = []
    for item in try fields.list("boxes", limit: mostBoxes) {
      let box = try Fields(item, "boxes.json", known: ["name", "key", "standing"])
      guard let standing = BoxRecord.Standing(rawValue: try box.text("standing", limit: 20)) else {
        throw box.error("standing", "pending, approved or revoked")
      }
      let key = try box.text("key", limit: 64)
      guard isHexadecimal(key, digits: 64) else { throw box.error("key", "64 hexadecimal digits") }
      boxes.append(BoxRecord(name: try box.name("name"), key: key, standing: standing))
    }
    return boxes
  }

  /// `scans.json`.
  public static func bytes(of scans: [SavedScan]) -> [UInt8] {
    JSONValue.object([
      "v": .number(1),
      "scans": .list(
        scans.map {
          .object([
            "object": .text(String(decoding: $0.bytes, as: UTF8.self)),
            "cancelled": .flag($0.isCancelled),
          ])
        }),
    ]).canonical + [10]
  }

  public static func scans(parsing bytes: [UInt8]) throws(FleetError) -> [SavedScan] {
    let fields = try file(bytes, "scans.json", ["v", "scans"])
    var scans: [SavedScan] = []
    for item in try fields.list("scans", limit: mostObjects) {
      let scan = try Fields(item, "scans.json", known: ["object", "cancelled"])
      let object = Array(try scan.text("object", limit: SignedObject.largest).utf8)
      scans.append(SavedScan(bytes: object, isCancelled: try scan.flag("cancelled")))
    }
    return scans
  }

  /// `deny-lists.json`.
  public static func bytes(ofDenyLists lists: [[UInt8]]) -> [UInt8] {
    JSONValue.object([
      "v": .number(1), "lists": .texts(lists.map { String(decoding: $0, as: UTF8.self) }),
    ]).canonical + [10]
  }

  public static func denyLists(parsing bytes: [UInt8]) throws(FleetError) -> [[UInt8]] {
    let fields = try file(bytes, "deny-lists.json", ["v", "lists"])
    return try fields.texts("lists", limit: mostObjects, length: SignedObject.largest).map {
      Array($0.utf8)
    }
  }

  private static let mostBoxes = 100_000
  private static let mostObjects = 100_000
  /// Bytes of one of these files.
  public static let largestFile = 256 << 20

  private static func file(_ bytes: [UInt8], _ name: String, _ known: Set<String>) throws(FleetError)
    -> Fields
  {
    let fields = try Fields(JSONValue(parsing: bytes, name, limit: largestFile), name, known: known)
    try fields.requireVersion()
    return fields
  }
}
