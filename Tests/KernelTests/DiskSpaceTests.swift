// What a file system says of its space, which a crafted one may lie about.
import Kernel
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The space of a file system` {
  @Test func `is what its blocks make`() {
    let space = DiskSpace(blockSize: 4096, blocks: 1000, free: 300, available: 250)
    #expect(space == DiskSpace(total: 4_096_000, available: 1_024_000, used: 2_867_200))
    #expect(space.usedPercent == 74)
  }

  @Test func `is full when it has more free blocks than blocks, or sizes that no number holds`() {
    let most = UInt64.max
    for (size, blocks, free, available) in [
      (4096, 10, 11, 11), (4096, 10, most, most), (4096, 10, 5, most), (4096, 0, 7, 7), (0, 10, 5, 5),
      (most, most, most, most), (most, most, 0, 0), (65536, most, most - 1, 1), (1, most, 1, 1),
      (1, most, most / 2, most / 2),
    ] as [(UInt64, UInt64, UInt64, UInt64)] {
      let space = DiskSpace(blockSize: size, blocks: blocks, free: free, available: available)
      #expect(space.used <= space.total && space.available <= space.total)
      #expect((0...100).contains(space.usedPercent))
    }
    #expect(DiskSpace(blockSize: 4096, blocks: 10, free: most, available: most).used == 0)
  }

  @Test func `is used up by rounding as df does, also at the largest sizes`() {
    #expect(DiskSpace(total: 0, available: 0, used: 0).usedPercent == 100)
    #expect(DiskSpace(total: 1000, available: 999, used: 1).usedPercent == 1)
    #expect(DiskSpace(total: .max, available: .max - 1, used: 1).usedPercent == 1)
    #expect(DiskSpace(total: .max, available: 1, used: .max - 1).usedPercent == 100)
    #expect(DiskSpace(total: .max, available: .max, used: .max).usedPercent == 100)
  }
}
