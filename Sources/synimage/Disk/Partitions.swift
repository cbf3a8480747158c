// The partitions of an image file, read with sfdisk(8).
import Foundation
import Kernel

/// A partition; offset and size in bytes.
struct Partition {
  let label: String
  let type: String
  let uuid: String
  let start: Int
  let size: Int
}

enum Partitions {
  private struct Table: Decodable {
    struct Node: Decodable {
      let name: String?
      let type: String
      let uuid: String?
      let start: Int
      let size: Int
    }
    struct Contents: Decodable {
      let label: String
      let sectorsize: Int?
      let partitions: [Node]?
    }
    let partitiontable: Contents
  }

  /// Returns the partitions of a GPT disk.
  ///
  /// - Throws: a `Fault` if the file is not a GPT disk.
  static func read(_ image: String) throws -> [Partition] {
    let outcome = try Tool("sfdisk", ["--json", image]).attempt()
    guard outcome.status == 0,
      let table = try? JSONDecoder().decode(Table.self, from: Data(outcome.output.utf8)).partitiontable,
      table.label == "gpt"
    else {
      throw Fault(
        "\(image) is not a GPT disk",
        detail: outcome.errors.split(separator: "\n").last.map(String.init))
    }
    let sector = table.sectorsize ?? 512
    return (table.partitions ?? []).map {
      Partition(
        label: $0.name ?? "", type: $0.type, uuid: $0.uuid ?? "", start: $0.start * sector,
        size: $0.size * sector)
    }
  }

  /// Returns the data partition.
  ///
  /// - Throws: a `Fault` if there is not exactly one.
  static func data(of image: String) throws -> Partition {
    let found = try read(image).filter { $0.label == DiskImage.dataLabel }
    guard found.count == 1 else {
      throw Fault("\(image) has \(found.count) partitions named \(DiskImage.dataLabel), expected one")
    }
    return found[0]
  }
}
