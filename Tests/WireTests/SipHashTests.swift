import Testing
import Wire

/// The vectors of the reference implementation (vectors_sip64, github.com/veorq/SipHash), as little-endian numbers. The key
/// is 00…0f; the n-th message is 00, 01, 02, … of n bytes.
let referenceVectors: [UInt64] = [
  0x726f_db47_dd0e_0e31, 0x74f8_39c5_93dc_67fd, 0x0d6c_8009_d9a9_4f5a, 0x8567_6696_d7fb_7e2d,
  0xcf27_94e0_2771_87b7, 0x1876_5564_cd99_a68d, 0xcbc9_466e_58fe_e3ce, 0xab02_00f5_8b01_d137,
  0x93f5_f579_9a93_2462, 0x9e00_82df_0ba9_e4b0, 0x7a5d_bbc5_94dd_b9f3, 0xf4b3_2f46_226b_ada7,
  0x751e_8fbc_860e_e5fb, 0x14ea_5627_c084_3d90, 0xf723_ca90_8e7a_f2ee, 0xa129_ca61_49be_45e5,
]
/// The vectors of SipHash-1-3 in the tests of Rust's core library (library/coretests/tests/hash/sip.rs), for the same keys and
/// messages.
private let vectors13: [UInt64] = [
  0xabac_0158_050f_c4dc, 0xc9f4_9bf3_7d57_ca93, 0x82cb_9b02_4dc7_d44d, 0x8bf8_0ab8_e7dd_f7fb,
  0xcf75_5760_88d3_8328, 0xdef9_d52f_4953_3b67, 0xc50d_2b50_c59f_22a7, 0xd392_7d98_9bb1_1140,
  0x3690_9511_8d29_9a8e, 0x25a4_8eb3_6c06_3de4, 0x79de_85ee_92ff_097f, 0x70c1_18c1_f94d_c352,
  0x78a3_84b1_57b4_d9a2, 0x306f_760c_1229_ffa7, 0x605a_a111_c0f9_5d34, 0xd320_d86d_2a51_9956,
]
let referenceKey = SipHashKey(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)

@Suite(.timeLimit(.minutes(5))) struct `SipHash` {
  @Test(arguments: referenceVectors.indices)
  func `returns the published vectors for each message length`(length: Int) {
    let message = (0..<UInt8(length)).map { $0 }
    #expect(SipHash24.hash(message, key: referenceKey) == referenceVectors[length])
    #expect(SipHash13.hash(message, key: referenceKey) == vectors13[length])
  }

  @Test func `of a four-tuple equals the hash of its 14 bytes`() {
    let cookie = Cookie(key: referenceKey)
    let hash = cookie.hash(
      source: 0x0001_0203, destination: 0x0405_0607, sourcePort: 0x0809, destinationPort: 0x0a0b)
    let message: [UInt8] = [0, 1, 2, 3, 10, 11, 0, 0, 4, 5, 6, 7, 8, 9]
    #expect(hash == SipHash13.hash(message, key: referenceKey))
  }

  @Test func `keys for different purposes differ from each other and from the job's`() {
    let keys = [referenceKey] + SipHashKey.Purpose.allCases.map { referenceKey.derived(for: $0) }
    let words = keys.flatMap { [$0.k0, $0.k1] }
    #expect(Set(words).count == words.count)
    let other = SipHashKey(k0: referenceKey.k0 ^ 1, k1: referenceKey.k1)
    for purpose in SipHashKey.Purpose.allCases {
      #expect(other.derived(for: purpose) != referenceKey.derived(for: purpose))
      // Else the derivation would hash what could be a probe's four-tuple.
      #expect(purpose.rawValue.utf8.count + 1 != 14)
    }
  }

  @Test func `keys are unchanged after conversion to bytes`() {
    #expect(SipHashKey(bytes: referenceKey.bytes) == referenceKey)
    #expect(referenceKey.bytes == Array(0..<16))
    #expect(SipHashKey(bytes: [1, 2, 3]) == nil)
  }
}
