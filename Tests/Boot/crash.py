"""Power cuts: QEMU killed at random moments, and disks rebuilt from a log of writes as a power cut could leave them."""

import pathlib
import random
import struct
import subprocess
import time

from lab import Lab
from machine import Failure, Machine, require
from scan import Job, complete, site

# The format of dm-log-writes (drivers/md/dm-log-writes.c), which QEMU's blklogwrites writes.
MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
# The bytes that a disk writes atomically: a physical sector. ext4 needs at least 1024, because one checksum covers its
# superblock.
SECTOR = 4096
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")


def kills(directory, count, seed=None):
    """Kills QEMU at random moments of a scan and boots with another year in the clock each time. Results are exact."""
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    moments = random.Random(seed)
    job = Job("198.19.0.0/18", [80, 443], directives="@rate 1000\n")
    with Lab("kills") as lab, Machine(lab, directory) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        for _ in range(count):
            # Nothing may depend on the clock: its battery may be dead.
            machine.start(files=site(), extra=["-rtc", f"base={moments.randrange(1990, 2100)}-01-01T00:00:00"])
            if not lab.node:
                lab.respond(directory / "node.log")
            machine.run()
            # A moment between the first mount and a few seconds of scanning.
            machine.wait(r"^synbox: data on ", 60)
            time.sleep(moments.uniform(0, 8))
            machine.cut_power()
        machine.start(files=site())
        machine.run()
        complete(machine, job, 240)
        machine.cut_power()
        summary = job.check(machine.get())
        require(summary["resumed"] > 0, "no boot resumed the job")
    return f"{count} kills, resumed {summary['resumed']} times, {len(job.open)} results exact; seed {seed}"


class WriteLog:
    """The writes to a disk, in order, as logged by QEMU's blklogwrites driver."""

    def __init__(self, path):
        self.file = open(path, "rb")
        magic, version, count, self.sector = SUPER.unpack(self.file.read(SUPER.size))
        if magic != MAGIC or version != VERSION:
            raise Failure(f"{path} is not a log of writes")
        self.entries = []
        position = self.sector
        for _ in range(count):
            self.file.seek(position)
            sector, sectors, flags, length = ENTRY.unpack(self.file.read(ENTRY.size))
            data = position + self.sector
            self.entries.append((sector * self.sector, sectors * self.sector, flags, data))
            position = data + (0 if flags & DISCARD else sectors * self.sector)

    def rebuild(self, before, after, random):
        """Writes a disk as a power cut at a random moment could leave it: `before`, all writes up to the last flush, and any
        subset of the sectors written since."""
        moment = random.randrange(1, len(self.entries) + 1)
        flushes = [n for n in range(moment) if self.entries[n][2] & FLUSH]
        flushed = flushes[-1] if flushes else 0
        subprocess.run(["cp", "--sparse=always", before, after], check=True)
        kept = random.choice((0.0, 0.5, 1.0, None))
        with open(after, "r+b") as disk:
            for number in range(moment):
                offset, length, flags, position = self.entries[number]
                if flags & DISCARD or not length:
                    continue
                self.file.seek(position)
                data = self.file.read(length)
                if number < flushed:
                    disk.seek(offset)
                    disk.write(data)
                    continue
                share = random.random() if kept is None else kept
                start = 0
                while start < length:
                    end = min(length, start + SECTOR - (offset + start) % SECTOR)
                    if random.random() < share:
                        disk.seek(offset + start)
                        disk.write(data[start:end])
                    start = end
        return moment, flushed


def crash_states(directory, count, boots, seed=None):
    """Rebuilds the disk as power cuts could leave it. No file is torn in any state, and some states boot to exact results."""
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    moments = random.Random(seed)
    job = Job("198.19.0.0/20", [80], directives="@rate 500\n")
    log, before = directory / "writes.log", directory / "before.img"
    with Lab("states") as lab, Machine(lab, directory) as machine:
        machine.make_disk("200M")
        machine.put(job.name, job.text)
        subprocess.run(["cp", "--sparse=always", machine.disk, before], check=True)
        subprocess.run(["truncate", "-s", "1G", log], check=True)
        # By default the driver writes the header of its log only now and then.
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
                require_whole(machine.get(), job)
                if number < boots:
                    machine.start(files=site())
                    machine.run()
                    complete(machine, job, 120)
                    machine.cut_power()
                    job.check(machine.get())
            except (Failure, subprocess.CalledProcessError) as failure:
                raise Failure(f"state {number} of seed {seed}: {failure}") from failure
    return f"{count} states of {len(writes.entries)} writes whole, {boots} of them booted to exact results; seed {seed}"


def require_whole(data: pathlib.Path, job):
    """The target file exists and is complete. Finished results are exact."""
    copies = list(data.rglob(f"*/{job.name}/{job.name}")) + list(data.glob(f"spool/{job.name}"))
    require(copies, f"the target file is gone: {[str(p) for p in data.rglob('*')]}")
    for copy in copies:
        require(copy.read_text() == job.text, f"{copy} is torn")
    require(not (data / "rejected" / job.name).exists(), "rejected")
    if (data / "results" / job.name).exists():
        job.check(data)
