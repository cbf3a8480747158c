// What merging the results of a scan needs to know.

extension CollectorMachine {
  /// Returns the description of a scan, and the last complete scan with the same name before it; nil for an unknown scan.
  public func scanToMerge(_ scan: Digest) -> (description: ScanDescription, earlier: Digest?)? {
    guard let index = scanIndex[scan] else { return nil }
    let description = scans[index].description
    let earlier = scans[..<index].last { $0.description.name == description.name && $0.isComplete }
    return (description, earlier?.id)
  }
}
