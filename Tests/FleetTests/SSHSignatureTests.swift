import Support
import Testing

@testable import Fleet

/// Knows the outcome of what OpenSSH signed, and nothing else.
private struct Known: FleetCrypto {
  let expected: String
  let signature: String

  /// Of `{"a":1}`.
  static let sha512 = [
    "efb7a8298f905ae743dbe2152e162415f62a16d2d5ac5c78816dcd57114e7a57",
    "4729b813988f1d0984cf6f38c4fcc9a37ea9fec3da351983536f72785d7ab707",
  ]

  func sha512(_ bytes: [UInt8]) -> [UInt8] {
    bytes == Array(#"{"a":1}"#.utf8) ? Self.sha512.flatMap { Digest($0)!.bytes } : []
  }
  private func isKnown(_ signature: [UInt8], _ message: [UInt8]) -> Bool {
    hexadecimal(signature) == self.signature && Digest(of: message).description == expected
  }
  func isValid(ed25519 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
    key.count == 32 && isKnown(signature, message)
  }
  func isValid(p256 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
    key.count == 65 && isKnown(signature, message)
  }
  func sign(_ message: [UInt8], with key: SigningKey) -> [UInt8]? { nil }
}

/// Made by `ssh-keygen -Y sign -n synbox-scan` over `{"a":1}`; another program verified them.
private struct Sample: Sendable, CustomTestStringConvertible {
  let key: String
  let lines: [String]
  let crypto: Known

  var text: String {
    (["-----BEGIN SSH SIGNATURE-----"] + lines + ["-----END SSH SIGNATURE-----"])
      .joined(separator: "\n") + "\n"
  }
  var testDescription: String { String(key.prefix(19)) }

  static let ed25519 = Sample(
    key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUTIBL8woR3jkb6l2qBydK64K75bJT/PBSAWUT/FzQn op@example",
    lines: [
      "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgdRMgEvzChHeORvqXaoHJ0rrgrv",
      "lslP88FIBZRP8XNCcAAAALc3luYm94LXNjYW4AAAAAAAAABnNoYTUxMgAAAFMAAAALc3No",
      "LWVkMjU1MTkAAABAKdEbFiGrvxOHJtUysK9REaco5R59PXm7Ak5vIYxlzXwZ9OhE+zZ7IW",
      "pryTyM6PeQX5io8gSNkQfT8t9O6L6cCg==",
    ],
    crypto: Known(
      expected: "46be29ad7b17de5538f3245eb5ee0b72fcc077215154fc372f754f7233cb4b73",
      signature: "29d11b1621abbf138726d532b0af5111a728e51e7d3d79bb024e6f218c65cd7c"
        + "19f4e844fb367b216a6bc93c8ce8f7905f98a8f2048d9107d3f2df4ee8be9c0a"))

  static let p256 = Sample(
    key: "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHTctEg43jjiIHg2nf8Az"
      + "iMu1moko5Zw7qfMEehrZL/ScayCTnFRhoJml4F+NN4fRgDc15aaRnMYoV9g37HVMa8= ec@example",
    lines: [
      "U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE",
      "EEdNy0SDjeOOIgeDad/wDOIy7WaiSjlnDup8wR6Gtkv9JxrIJOcVGGgmaXgX403h9GANzX",
      "lppGcxihX2DfsdUxrwAAAAtzeW5ib3gtc2NhbgAAAAAAAAAGc2hhMjU2AAAAZAAAABNlY2",
      "RzYS1zaGEyLW5pc3RwMjU2AAAASQAAACAjf61o113MpLMkOpJNyqQh6txhfIkiisb9owjl",
      "xBxNWgAAACEA2JqwDpio5ipUaPtuaoM8lbHfW3D5bZJxHoIsC4unAG4=",
    ],
    crypto: Known(
      expected: "a79a14311d974f3dc5764c84d62da8ae71f97ce529b7d811f5439ffff3db6c12",
      signature: "237fad68d75dcca4b3243a924dcaa421eadc617c89228ac6fda308e5c41c4d5a"
        + "d89ab00e98a8e62a5468fb6e6a833c95b1df5b70f96d92711e822c0b8ba7006e"))
}

@Suite(.timeLimit(.minutes(5))) struct `A signature of ssh-keygen` {
  private let message = Array(#"{"a":1}"#.utf8)

  @Test(arguments: [Sample.ed25519, .p256])
  fileprivate func `is verified over what OpenSSH signs`(_ sample: Sample) throws {
    let key = try SSHPublicKey(parsing: sample.key)
    let signature = try SSHSignature(armored: sample.text)
    try signature.verify(message, namespace: "synbox-scan", keys: [key], sample.crypto)
    #expect(throws: FleetError.self) {
      try signature.verify(message + [32], namespace: "synbox-scan", keys: [key], sample.crypto)
    }
    #expect(throws: FleetError.self) {
      try signature.verify(message, namespace: "synbox-deny", keys: [key], sample.crypto)
    }
    #expect(throws: FleetError.self) {
      try signature.verify(message, namespace: "synbox-scan", keys: [], sample.crypto)
    }
  }

  @Test func `is refused with line and column if it is damaged`() {
    let text = Sample.ed25519.text
    for (damaged, expected) in [
      (text.replacing("gdRM", with: "g*RM"), "SSH signature:2:45: expected base64"),
      (String(text.dropFirst()), "SSH signature:1:1: expected \"-----BEGIN SSH SIGNATURE-----\""),
      (text.replacing("Cg==\n", with: ""), "SSH signature:5:1: expected base64, then"),
    ] {
      let error = #expect(throws: FleetError.self) { try SSHSignature(armored: damaged) }
      #expect(error?.description.hasPrefix(expected) == true, "\(String(describing: error))")
    }
  }

  @Test func `is refused wherever it is cut off`() throws {
    let bytes = try #require(Base64.decode(Array(Sample.p256.lines.joined().utf8)))
    for count in 0..<bytes.count {
      #expect(throws: FleetError.self) { try SSHSignature(bytes: Array(bytes[..<count])) }
    }
    #expect(throws: FleetError.self) { try SSHSignature(bytes: bytes + [0]) }
  }

  @Test func `needs a key of a known type`() {
    for line in [
      "", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-rsa AAAAB3NzaC1yc2E=", "x " + Sample.ed25519.key,
    ] {
      #expect(throws: FleetError.self) { try SSHPublicKey(parsing: line) }
    }
  }
}
