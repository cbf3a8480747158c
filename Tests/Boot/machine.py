"""A box: the image in QEMU, without KVM."""

import json
import pathlib
import re
import socket
import subprocess
import time

from lab import ROOT

BUILD = ROOT / "build"
FIRMWARE = pathlib.Path("/usr/share/OVMF")
# What the image's own UKI has, but for `quiet`: the scanner's log goes to the kernel's.
COMMAND_LINE = "console=tty0 console=ttyS0 loglevel=7 printk.devkmsg=on gpt panic=5 lockdown=integrity module.sig_enforce=1"
NICS = {
    "igb": ["-device", "igb,netdev=n0"],
    # AF_XDP zero-copy needs the platform's DMA rules; XDP a transmit queue for each processor besides.
    "virtio_net": ["-device", "virtio-net-pci,netdev=n0,mq=on,vectors=18,iommu_platform=on,disable-legacy=on,romfile="],
}
# What becomes of a machine whose PID 1 hangs: a card, or what Intel's chip set has anyway.
WATCHDOGS = {
    "i6300esb": ["-device", "i6300esb"],
    "iTCO_wdt": ["-global", "ICH9-LPC.noreboot=false"],
}
# Where virtio_net's zero-copy has the device read its header (docs/design/boot.md) is left to chance otherwise; so it is an
# address where this machine has no memory, and zeros are read.
KERNEL_WORDS = {"virtio_net": ["nokaslr"]}
QUEUES = {"igb": 1, "virtio_net": 8}
# Seconds to the first words of PID 1, several times of what firmware, boot loader and kernel take.
STANDSTILL = 75


class Failure(Exception):
    """What did not hold."""


def require(condition, what):
    if not condition:
        raise Failure(what)


def overlay(files):
    """A cpio archive (newc) that the kernel unpacks over the one before it; `files` are texts by path."""
    archive = b""

    def entry(path, mode, data):
        name = path.lstrip("/").encode() + b"\0"
        fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)

    for path, text in files.items():
        archive += entry(path, 0o100644, text.encode())
    return archive + entry("TRAILER!!!", 0, b"")


class Machine:
    """One boot after another of one disk. `directory` holds all there is to look at afterwards."""

    def __init__(self, lab, directory, nic="igb", disk=None, processors=4, megabytes=768, build=BUILD):
        self.lab = lab
        # Where the image builder has put what it built.
        self.build = build
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.nic = nic
        self.processors = processors
        self.megabytes = megabytes
        self.disk = disk or self.directory / "disk.img"
        self.console = self.directory / "console.log"
        self.process = None
        self.monitor = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut_power()

    def make_disk(self, size="512M"):
        """A copy of the image on a disk that is larger than it."""
        subprocess.run(["cp", "--sparse=always", self.build / "synbox.img", self.disk], check=True)
        subprocess.run(["truncate", "-s", size, self.disk], check=True)

    def put(self, name, text):
        """A target file into the spool of the disk, which is not running."""
        file = self.directory / name
        file.write_text(text)
        subprocess.run([BUILD / "synimage", "put", self.disk, file], check=True)

    def get(self):
        """What lies in the data partition, copied out."""
        out = self.directory / "data"
        subprocess.run(["rm", "-rf", out], check=True)
        subprocess.run([BUILD / "synimage", "get", self.disk, out], check=True)
        return out

    # MARK: - Power

    def start(self, *, firmware=False, files=None, init="", extra=(), drive=None, nic=True, watchdog="i6300esb"):
        """Powers on. Without `firmware` the kernel is loaded directly, and `files` (texts by path) replace those
        of the image; `init` are further arguments of `synbox init`; `watchdog` is one of WATCHDOGS."""
        self.console.write_text("")
        monitor = self.directory / "monitor"
        monitor.unlink(missing_ok=True)
        command = [
            "qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", str(self.megabytes),
            "-smp", str(self.processors), "-display", "none", "-nodefaults", "-no-user-config", "-S",
            "-serial", f"file:{self.console}", "-qmp", f"unix:{monitor},server=on,wait=off",
            *WATCHDOGS[watchdog], "-action", "watchdog=reset", "-device", "virtio-rng-pci",
            *(drive or ["-drive", f"if=virtio,format=raw,file={self.disk},cache=none,aio=threads"]),
        ]  # fmt: skip
        if nic:
            queues = f",queues={QUEUES[self.nic]}" if QUEUES[self.nic] > 1 else ""
            command += ["-netdev", f"tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=off{queues}"]
            command += NICS[self.nic]
        if firmware:
            variables = self.directory / "variables.fd"
            if not variables.exists():
                variables.write_bytes((FIRMWARE / "OVMF_VARS_4M.fd").read_bytes())
            flash = "if=pflash,format=raw"
            command += ["-drive", f"{flash},unit=0,readonly=on,file={FIRMWARE / 'OVMF_CODE_4M.fd'}"]
            command += ["-drive", f"{flash},unit=1,file={variables}"]
        else:
            initramfs = self.directory / "initramfs"
            image = (self.build / "image" / "initramfs.cpio.zst").read_bytes()
            # Archives are told apart at a boundary of four bytes only.
            initramfs.write_bytes(image + bytes(-len(image) % 4) + overlay(files or {}))
            words = [COMMAND_LINE, *KERNEL_WORDS.get(self.nic, []), "-- init", init]
            arguments = " ".join(words).rstrip()
            command += ["-kernel", self.build / "image" / "vmlinuz", "-initrd", initramfs, "-append", arguments]
        command += extra
        self.log = open(self.directory / "qemu.log", "w")
        self.process = subprocess.Popen(self.lab.command(*command), stdout=self.log, stderr=subprocess.STDOUT)
        self._connect(monitor)

    def _connect(self, path):
        self.monitor = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.monitor.connect(str(path))
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"QEMU did not start: {(self.directory / 'qemu.log').read_text()}")
                time.sleep(0.05)
        self.replies = self.monitor.makefile("r")
        self.replies.readline()
        self.tell("qmp_capabilities")

    def tell(self, command, **arguments):
        """A QMP command; its answer."""
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            line = self.replies.readline()
            if not line:
                raise Failure(f"QEMU ended at {command}")
            reply = json.loads(line)
            if "error" in reply:
                raise Failure(f"{command}: {reply['error']}")
            if "return" in reply:
                return reply["return"]

    def run(self):
        """Lets the machine go, once whoever it shall meet is there, until PID 1 has spoken. A guest that stands still
        before that says nothing of synbox; it gets one more try, and that is said."""
        self.tell("cont")
        try:
            self.wait(r"^synbox: ", STANDSTILL)
        except Failure:
            # A kernel that had no use for its PID 1 has come to an end, not to a standstill.
            if self.process.poll() is not None or "Kernel panic" in self.text():
                raise
            print(f"    not at /init after {STANDSTILL} s, reset; its last words:\n{self.tail(5)}", flush=True)
            self.tell("system_reset")
            self.wait(r"^synbox: ", STANDSTILL)

    def cut_power(self):
        """What a power cut leaves: the disk as it is. QEMU's own caches are the host's, see crash states."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.monitor.close()
            self.log.close()

    def unplug(self, isUnplugged=True):
        self.tell("set_link", name="n0", up=not isUnplugged)

    # MARK: - What it says

    def text(self):
        # Escape sequences are the firmware's.
        text = re.sub(r"\x1b[^a-zA-Z]*[a-zA-Z]", "", self.console.read_text(errors="replace"))
        return "\n".join(line for line in text.replace("\r", "\n").split("\n") if line)

    def wait(self, pattern, seconds=120, times=1):
        """Waits until the console says so; the last match."""
        deadline = time.monotonic() + seconds
        while True:
            found = list(re.finditer(pattern, self.text(), re.MULTILINE))
            if len(found) >= times:
                return found[times - 1]
            if self.process.poll() is not None:
                raise Failure(f"QEMU ended while waiting for /{pattern}/:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Failure(f"no /{pattern}/ after {seconds} s:\n{self.tail()}")
            time.sleep(0.1)

    def tail(self, lines=40):
        return "\n".join(self.text().splitlines()[-lines:])
