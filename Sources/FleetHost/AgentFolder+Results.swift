// Results of shards, and what the agent signs about them.
import Fleet
import Kernel

extension AgentFolder {
  private static let resultFile = FileName("results.csv")

  /// Opens the results of a finished job.
  public func openResults(of shard: String) throws(Fault) -> Descriptor {
    do throws(Errno) {
      return try results.file([FileName(actual(shard)), Self.resultFile])
    } catch {
      throw Fault("cannot open \(path)/results/\(actual(shard))/results.csv", cause: error)
    }
  }

  /// Returns bytes of the results of a finished job.
  public func results(of shard: String, at offset: UInt64, size: UInt64) throws(Fault)
    -> [UInt8]
  {
    let file = try openResults(of: shard)
    do throws(Errno) { return try file.read(at: offset, count: Int(size)) } catch {
      throw Fault("cannot read \(path)/results/\(actual(shard))/results.csv", cause: error)
    }
  }

  public func manifest(of shard: String) throws(Fault) -> [UInt8] {
    do throws(Errno) {
      return try manifests.read(FileName(actual(shard)), limit: Manifest.largest)
    } catch {
      throw Fault("cannot read \(path)/\(Self.manifestsPath)/\(actual(shard))", cause: error)
    }
  }

  public func writeManifest(of shard: String, _ bytes: [UInt8]) throws(Fault) {
    try Files.replace("\(path)/\(Self.manifestsPath)/\(actual(shard))", with: bytes, durable: true)
  }
}
