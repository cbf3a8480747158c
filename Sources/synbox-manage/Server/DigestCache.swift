// The SHA-256 of result files, which do not change once they are there.
import Manage
import ManageHost

/// Digests by the state of the file. Each is computed once, however many ask for it, and one at a time, so that
/// large files do not keep everybody else from the disk. Belongs to the event loop.
final class DigestCache {
  typealias Answer = (Result<[UInt8], any Error>) -> Void

  private static let capacity = 256
  private var digests: [EntityTag: [UInt8]] = [:]
  /// Who waits for which file, in the order of the files.
  private var waiting: [(file: ResultFile, answers: [Answer])] = []

  /// Finds the digest of a file.
  func find(_ file: ResultFile, _ service: Service, then: @escaping Answer) {
    let tag = file.tag(.identity)
    if let known = digests[tag] { return then(.success(known)) }
    if let index = waiting.firstIndex(where: { $0.file.tag(.identity) == tag }) {
      return waiting[index].answers.append(then)
    }
    waiting.append((file, [then]))
    if waiting.count == 1 { computeNext(service) }
  }

  private func computeNext(_ service: Service) {
    guard let file = waiting.first?.file else { return }
    let folder = service.parts.folder
    service.work {
      try folder.sha256(of: file)
    } then: { [self] result in
      if case .success(let digest) = result {
        if digests.count >= Self.capacity { digests = [:] }
        digests[file.tag(.identity)] = digest
      }
      let answers = waiting.removeFirst().answers
      computeNext(service)
      for answer in answers { answer(result) }
    }
  }
}
