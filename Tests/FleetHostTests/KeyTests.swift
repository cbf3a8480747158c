// Signatures by ssh-keygen(1), and by our own keys.
import Fleet
import FleetHost
import Foundation
import LabSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Keys of a fleet` {
  private let body = JSONValue.object(["v": .number(1), "seq": .number(7)])

  private func signature(_ kind: [String], _ namespace: String) throws -> (SignedObject, SSHPublicKey) {
    let key = "\(try Lab.temporaryDirectory())/key"
    try mustRun(["ssh-keygen", "-q", "-N", "", "-C", "test", "-f", key] + kind)
    try Data(body.canonical).write(to: URL(fileURLWithPath: key + ".body"))
    try mustRun(["ssh-keygen", "-Y", "sign", "-f", key, "-n", namespace, key + ".body"])
    let armored = try String(contentsOfFile: key + ".body.sig", encoding: .utf8)
    let line = try String(contentsOfFile: key + ".pub", encoding: .utf8)
    let signed = SignedObject(body: body, signature: armored)
    return (signed, try SSHPublicKey(parsing: String(line.split(separator: "\n")[0])))
  }

  @Test(arguments: [["-t", "ed25519"], ["-t", "ecdsa", "-b", "256"]])
  func `verify what ssh-keygen has signed`(_ kind: [String]) throws {
    let (signed, key) = try signature(kind, "synbox-deny")
    let crypto = try FleetKeys()
    try signed.verify(.deny, keys: [key], crypto)
    #expect(throws: FleetError.self) { try signed.verify(.scan, keys: [key], crypto) }
    #expect(throws: FleetError.self) { try signed.verify(.deny, keys: [], crypto) }
    let other = SignedObject(
      body: .object(["v": .number(1), "seq": .number(8)]), signature: signed.signature)
    #expect(throws: FleetError.self) { try other.verify(.deny, keys: [key], crypto) }
    let (_, stranger) = try signature(kind, "synbox-deny")
    #expect(throws: FleetError.self) { try signed.verify(.deny, keys: [stranger], crypto) }
  }

  @Test func `sign for one purpose only`() throws {
    let keys = try FleetKeys(seed: Array(repeating: 7, count: 32), as: .box)
    let key = try #require(keys.publicKey(of: .box))
    let signed = try #require(SignedObject.sign(body, .hello, with: .box, keys))
    try signed.verify(.hello, key: key, try FleetKeys())
    #expect(throws: FleetError.self) { try signed.verify(.manifest, key: key, keys) }
    #expect(SignedObject.sign(body, .licence, with: .fleet, keys) == nil)
    #expect(throws: FleetError.self) { try FleetKeys(seed: [1, 2, 3]) }
  }
}
