// The plan of a scan, from the target files that lie under their hashes.
import Fleet
import Kernel
import Plan
import Spool

public struct PlanFiles: Sendable {
  private let blobs: String

  /// - Parameter blobs: the directory of the blobs.
  public init(_ blobs: String) { self.blobs = blobs }

  /// Parses the target files of a description and makes its plan.
  ///
  /// - Throws: a `FleetError` if they do not give the plan that the description promises.
  public func plan(_ description: ScanDescription) throws -> FleetPlan {
    var files: [TargetFile] = []
    for target in description.targets { files.append(try file(target.digest)) }
    return try FleetPlan(description, files: files)
  }

  /// Returns what is wrong with the target files; nil if they give the plan that the description promises.
  public func mistake(in description: ScanDescription) throws -> String? {
    do { _ = try plan(description) } catch let error as FleetError { return error.description }
    return nil
  }

  private func file(_ digest: Digest) throws -> TargetFile {
    let name = "target file \(digest.short)"
    let stream: TargetStream
    do throws(TargetStream.Failure) {
      let descriptor = try Self.open("\(blobs)/\(digest)")
      stream = try TargetStream.read(descriptor, name: name, format: .text)
    } catch {
      switch error {
      case .stopped: throw Fault("reading \(name) was stopped")
      case .fault(let fault): throw Fault("cannot read \(name)", detail: "\(fault)")
      }
    }
    if let first = stream.mistakes.first { throw FleetError("\(first)") }
    return stream.file
  }

  private static func open(_ path: String) throws(TargetStream.Failure) -> Descriptor {
    do throws(Fault) { return try Files.openToRead(path) } catch { throw .fault(.box(error)) }
  }

  /// Parses a deny list, as the scanner does.
  public func denyList(_ digest: Digest) throws -> AddressSet {
    let bytes = try Files.read("\(blobs)/\(digest)", limit: Int(DenyObject.largestList))
    return try AddressList.parse(bytes, name: "deny list")
  }
}
