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
# The command line of the image's UKI without `quiet`, so that the console shows the scanner's log.
COMMAND_LINE = "console=tty0 console=ttyS0 loglevel=7 printk.devkmsg=on gpt panic=5 lockdown=integrity module.sig_enforce=1"
NICS = {
    "igb": ["-device", "igb,netdev=n0"],
    # AF_XDP zero-copy needs iommu_platform. XDP needs an additional transmit queue per processor.
    "virtio_net": ["-device", "virtio-net-pci,netdev=n0,mq=on,vectors=18,iommu_platform=on,disable-legacy=on,romfile="],
}
# Watchdogs: a PCI card, and the one in Intel's chipset.
WATCHDOGS = {
    "i6300esb": ["-device", "i6300esb"],
    "iTCO_wdt": ["-global", "ICH9-LPC.noreboot=false"],
}
# With zero-copy, virtio_net has the device read its header from a random address (docs/design/boot.md). Without KASLR that
# address is outside the machine's memory and reads as zeros.
KERNEL_PARAMETERS = {"virtio_net": ["nokaslr"]}
QUEUES = {"igb": 1, "virtio_net": 8}
# Seconds to the first line of PID 1, several times what firmware, boot loader and kernel need.
BOOT_TIMEOUT = 75


class Failure(Exception):
    """A condition of a case that does not hold."""


def require(condition, message):
    if not condition:
        raise Failure(message)


def overlay(files):
    """A cpio archive (newc) that the kernel unpacks over the initramfs. `files` maps paths to texts."""
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
    """A machine that boots one disk, any number of times. `directory` keeps its console, logs and disk."""

    def __init__(self, lab, directory, nic="igb", disk=None, processors=4, megabytes=768, build=BUILD):
        self.lab = lab
        # The output directory of the image builder.
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
        """Makes a disk larger than the image and copies the image to it."""
        subprocess.run(["cp", "--sparse=always", self.build / "synbox.img", self.disk], check=True)
        subprocess.run(["truncate", "-s", size, self.disk], check=True)

    def put(self, name, text):
        """Puts a target file into the spool of the disk. The machine must be off."""
        file = self.directory / name
        file.write_text(text)
        subprocess.run([BUILD / "synimage", "put", self.disk, file], check=True)

    def get(self):
        """Copies the data partition to a directory and returns it. The machine must be off."""
        out = self.directory / "data"
        subprocess.run(["rm", "-rf", out], check=True)
        subprocess.run([BUILD / "synimage", "get", self.disk, out], check=True)
        return out

    # MARK: - Power

    def start(self, *, firmware=False, files=None, init="", extra=(), drive=None, nic=True, watchdog="i6300esb"):
        """Creates the machine, paused. Without `firmware`, QEMU loads the kernel itself, and `files` (texts by path)
        replace files of the image. `init` holds more arguments for `synbox init`; `watchdog` is a key of WATCHDOGS."""
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
            # A second archive must begin at a multiple of four bytes.
            initramfs.write_bytes(image + bytes(-len(image) % 4) + overlay(files or {}))
            parameters = [COMMAND_LINE, *KERNEL_PARAMETERS.get(self.nic, []), "-- init", init]
            arguments = " ".join(parameters).rstrip()
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
        """Runs a QMP command and returns its result."""
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
        """Starts the machine and waits for the first line of PID 1. A guest that hangs before that is no fault of synbox, so
        it is reset once, with a note."""
        self.tell("cont")
        try:
            self.wait(r"^synbox: ", BOOT_TIMEOUT)
        except Failure:
            # A panic is not a hang: the kernel could not run its PID 1.
            if self.process.poll() is not None or "Kernel panic" in self.text():
                raise
            print(f"    no line of /init after {BOOT_TIMEOUT} s, resetting; last lines:\n{self.tail(5)}", flush=True)
            self.tell("system_reset")
            self.wait(r"^synbox: ", BOOT_TIMEOUT)

    def cut_power(self):
        """Kills QEMU. The host keeps the writes in its page cache, so unflushed writes survive; see crash_states."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.monitor.close()
            self.log.close()

    def set_link(self, up):
        """Plugs or unplugs the cable of the NIC."""
        self.tell("set_link", name="n0", up=up)

    # MARK: - Console

    def text(self):
        """The lines so far. The last one may still be on its way, so it is not among them."""
        # The firmware writes escape sequences.
        text = re.sub(r"\x1b[^a-zA-Z]*[a-zA-Z]", "", self.console.read_text(errors="replace"))
        return "\n".join(line for line in text.replace("\r", "\n").split("\n")[:-1] if line)

    def wait(self, pattern, seconds=120, times=1):
        """Waits until the console matches `times` times and returns the last of these matches."""
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
