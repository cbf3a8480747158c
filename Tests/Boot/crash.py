"""Power cuts: QEMU killed at any moment, and every state that a disk could be left in by its log of writes."""

import pathlib
import random
import struct
import subprocess
import time

from lab import Lab
from machine import Failure, Machine, require
from scan import Job, complete, site

# include/uapi of dm-log-writes, which QEMU's blklogwrites follows (docs/interop, drivers/md/dm-log-writes.c).
MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
# What a disk writes whole or not at all: the physical sector of today's. ext4 could not stand less, since its superblock,
# with a checksum over all of it, has two sectors of 512.
ATOM = 4096
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")


def kills(directory, count, seed=None):
    """QEMU is killed at random moments of a scan, and each time the clock says another year; the results are exact in the
    end."""
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    moments = random.Random(seed)
    job = Job("198.19.0.0/18", [80, 443], directives="@rate 1000\n")
    with Lab("kills") as lab, Machine(lab, directory) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        for _ in range(count):
            # A battery that is dead, a clock that was set: nothing may rest on it.
            machine.start(files=site(), extra=["-rtc", f"base={moments.randrange(1990, 2100)}-01-01T00:00:00"])
            if not lab.node:
                lab.respond(directory / "node.log")
            machine.run()
            # From the first mount to the end of this boot's share of the scan.
            machine.wait(r"^synbox: data on ", 60)
            time.sleep(moments.uniform(0, 8))
            machine.cut_power()
        machine.start(files=site())
        machine.run()
        complete(machine, job, 240)
        machine.cut_power()
        summary = job.check(machine.get())
        require(summary["resumed"] > 0, "no boot went on with the job")
    return f"{count} kills, resumed {summary['resumed']} times, {len(job.open)} results exact; seed {seed}"


class WriteLog:
    """What a run has written to a disk, in order, by QEMU's blklogwrites driver."""

    def __init__(self, path):
        self.file = open(path, "rb")
        magic, version, count, self.sector = SUPER.unpack(self.file.read(SUPER.size))
        if magic != MAGIC or version != VERSION:
            raise Failure(f"{path} is no log of writes")
        self.entries = []
        position = self.sector
        for _ in range(count):
            self.file.seek(position)
            sector, sectors, flags, length = ENTRY.unpack(self.file.read(ENTRY.size))
            data = position + self.sector
            self.entries.append((sector * self.sector, sectors * self.sector, flags, data))
            position = data + (0 if flags & DISCARD else sectors * self.sector)

    def rebuild(self, before, after, random):
        """A disk as a power cut could leave it: `before` with all that was flushed at a random moment, and of what was
        written since then any blocks."""
        moment = random.randrange(1, len(self.entries) + 1)
        flushes = [n for n in range(moment) if self.entries[n][2] & FLUSH]
        safe = flushes[-1] if flushes else 0
        subprocess.run(["cp", "--sparse=always", before, after], check=True)
        kept = random.choice((0.0, 0.5, 1.0, None))
        with open(after, "r+b") as disk:
            for number in range(moment):
                offset, length, flags, data = self.entries[number]
                if flags & DISCARD or not length:
                    continue
                self.file.seek(data)
                bytes = self.file.read(length)
                if number < safe:
                    disk.seek(offset)
                    disk.write(bytes)
                    continue
                share = random.random() if kept is None else kept
                start = 0
                while start < length:
                    end = min(length, start + ATOM - (offset + start) % ATOM)
                    if random.random() < share:
                        disk.seek(offset + start)
                        disk.write(bytes[start:end])
                    start = end
        return moment, safe


def crash_states(directory, count, boots, seed=None):
    """The disk is rebuilt as power cuts could leave it; nothing is torn in any state, and boots from some end exactly."""
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    moments = random.Random(seed)
    job = Job("198.19.0.0/20", [80], directives="@rate 500\n")
    log, before = directory / "writes.log", directory / "before.img"
    with Lab("states") as lab, Machine(lab, directory) as machine:
        machine.make_disk("200M")
        machine.put(job.name, job.text)
        subprocess.run(["cp", "--sparse=always", machine.disk, before], check=True)
        subprocess.run(["truncate", "-s", "1G", log], check=True)
        # The driver writes its head from time to time only.
        drive = ["-blockdev", f"driver=file,node-name=f,filename={machine.disk},cache.direct=on,aio=threads",
                 "-blockdev", f"driver=file,node-name=l,filename={log}",
                 "-blockdev", "driver=blklogwrites,node-name=d,file=f,log=l,log-super-update-interval=1",
                 "-device", "virtio-blk-pci,drive=d"]  # fmt: skip
        machine.start(files=site(), drive=drive)
        lab.respond(directory / "node.log")
        machine.run()
        machine.wait(r"job started", 60)
        time.sleep(6)
        machine.cut_power()
        writes = WriteLog(log)
        require(len(writes.entries) > 100, f"only {len(writes.entries)} writes")
        for number in range(count):
            writes.rebuild(before, machine.disk, moments)
            try:
                whole(machine.get(), job)
                if number < boots:
                    machine.start(files=site())
                    machine.run()
                    complete(machine, job, 120)
                    machine.cut_power()
                    job.check(machine.get())
            except (Failure, subprocess.CalledProcessError) as failure:
                raise Failure(f"state {number} of seed {seed}: {failure}") from failure
    return f"{count} states of {len(writes.entries)} writes whole, {boots} of them booted to exact results; seed {seed}"


def whole(data: pathlib.Path, job):
    """The target file is somewhere, in one piece; results that are finished are exact."""
    places = list(data.rglob(f"*/{job.name}/{job.name}")) + list(data.glob(f"spool/{job.name}"))
    require(places, f"the target file is gone: {[str(p) for p in data.rglob('*')]}")
    for place in places:
        require(place.read_text() == job.text, f"{place} is torn")
    require(not (data / "rejected" / job.name).exists(), "rejected")
    if (data / "results" / job.name).exists():
        job.check(data)
