// SHA-256 by swift-crypto, which uses the processor's instructions for it.
import Crypto
import ManageHost

struct CryptoHash: FileHash {
  private var hash = SHA256()

  mutating func update(_ bytes: [UInt8]) { hash.update(data: bytes) }

  func finish() -> [UInt8] { Array(hash.finalize()) }
}
