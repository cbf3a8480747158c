"""The units of packaging/systemd, started by a systemd of their own. Needs root, systemd and the three programs."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Page"))
from real_service import SCANNER, SERVICE, Lab, free_port, make_data, wait  # noqa: E402

UNITS = ("synbox.service", "synbox-manage.service")
# What every system has.
TARGETS = ("sysinit", "basic", "shutdown", "umount", "network-online")
# A control group of its own, which becomes the root of a namespace.
ENTER = """set -e
mount -t tmpfs tmpfs /run
mkdir /run/cgroup
mount -t cgroup2 cgroup2 /run/cgroup
mkdir -p "/run/cgroup$1"
echo $$ > "/run/cgroup$1/cgroup.procs"
umount /run/cgroup
shift
exec unshare --mount --pid --cgroup --ipc --uts --fork --mount-proc --kill-child "$@"
"""
LEAVE = """mount -t cgroup2 cgroup2 /mnt
find "/mnt$1" -depth -type d -exec rmdir {} +
"""
START = """set -e
for cgroup in $(awk '$2 ~ "^/sys/fs/cgroup" {print $2}' /proc/mounts | tac); do umount "$cgroup"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for directory in etc usr/local var/lib; do
  mkdir -p /run/over/$directory /run/scratch/$directory
  mount -t overlay -o lowerdir=/$directory,upperdir=/run/over/$directory,workdir=/run/scratch/$directory overlay /$directory
done
mkdir -p /etc/synbox /usr/local/bin /var/lib/synbox
cp "$1"/*.toml /etc/synbox/
cp "$2"/build/synbox "$2"/build/synbox-manage /usr/local/bin/
mount --bind "$1/data" /var/lib/synbox
exec env -i container=test SYSTEMD_UNIT_PATH="$1/units" /lib/systemd/systemd --system --unit=test.target --log-target=console --show-status=no
"""


class SystemdTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab())
        cls.directory = cls.lab.directory
        cls.port = free_port()
        make_data(cls.directory)
        (cls.directory / "synbox.toml").write_text(SCANNER.format(data="/var/lib/synbox"))
        manage = SERVICE.format(data="/var/lib/synbox", port=cls.port, tokens="tokens.toml")
        (cls.directory / "manage.toml").write_text(manage)
        command = [ROOT / "build/synboxctl", "token", "new", "--name", "ada", "--role", "submit", "--tokens", cls.directory / "tokens.toml"]
        (cls.directory / "token").write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        cls.write_units(cls.directory / "units")
        own = re.search(r"^0::(.*)$", pathlib.Path("/proc/self/cgroup").read_text(), re.MULTILINE)
        cls.cgroup = f"{own.group(1).rstrip('/')}/{cls.lab.name}"
        with open(cls.directory / "systemd.log", "wb") as log:
            start = ["bash", "-c", START, "start", cls.directory, ROOT]
            cls.lab.start("box", "unshare", "--mount", "bash", "-c", ENTER, "enter", cls.cgroup, *start, stdout=log, stderr=log)
        cls.addClassCleanup(cls.end)
        cls.systemd = wait(cls.find_systemd, "systemd starts")
        text = wait(lambda: re.search(r"SHA-256 ([0-9a-f]{64})", cls.log("synbox-manage")), "the service starts")
        cls.fingerprint = text.group(1)
        wait(lambda: cls.show("synbox.service", "ActiveState") == "active", "the scanner starts")

    @classmethod
    def write_units(cls, directory):
        directory.mkdir()
        for name in UNITS:
            shutil.copy(ROOT / "packaging/systemd" / name, directory)
            (directory / f"{name}.d").mkdir()
            log = cls.directory / f"{name.removesuffix('.service')}.log"
            # There is no journal.
            (directory / f"{name}.d/log.conf").write_text(f"[Service]\nStandardOutput=append:{log}\nStandardError=append:{log}\n")
        for name in TARGETS:
            (directory / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        (directory / "test.target").write_text("[Unit]\nWants=" + " ".join(UNITS) + "\n")

    @classmethod
    def find_systemd(cls):
        """The number of the process outside of its namespace."""
        parent = cls.lab.children[-1].pid
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return next((int(child) for child in children if pathlib.Path(f"/proc/{child}/comm").read_text() == "systemd\n"), None)

    @classmethod
    def end(cls):
        """The end of the first process takes every other of its namespace with it."""
        cls.lab.children[-1].kill()
        cls.lab.children[-1].wait(30)
        leave = ["unshare", "--mount", "bash", "-c", LEAVE, "leave", cls.cgroup]
        # The kernel takes its time to end them all.
        wait(lambda: subprocess.run(leave, stderr=subprocess.DEVNULL).returncode == 0, "the control group is removed")

    @classmethod
    def log(cls, name):
        path = cls.directory / f"{name}.log"
        return path.read_text() if path.exists() else ""

    @classmethod
    def systemctl(cls, *arguments):
        inside = ["nsenter", "--target", str(cls.systemd), "--mount", "--pid", "--net", "--cgroup", "--ipc", "--uts"]
        return subprocess.run([*inside, "systemctl", *arguments], capture_output=True, text=True, timeout=90)

    @classmethod
    def show(cls, unit, field):
        return cls.systemctl("show", "--property", field, "--value", unit).stdout.strip()

    def client(self, *arguments):
        box = ["--box", f"https://127.0.0.1:{self.port}", "--fingerprint", self.fingerprint, "--token-file", self.directory / "token"]
        done = self.lab.run(ROOT / "build/synboxctl", *arguments, *box)
        self.assertEqual(done.returncode, 0, done.stdout + self.log("synbox") + self.log("synbox-manage"))
        return done.stdout

    def scan(self, name):
        (self.directory / name).write_text("@ports 80\n@rate 20k\n198.19.0.0/22\n")
        self.assertIn(f"{name} finished: 512 results", self.client("put", name, "--wait"))
        done = json.loads(self.client("get", name, "out", "--mark", "--json"))
        self.assertEqual({each["file"] for each in done["files"]}, {"results.csv", "summary.json", name})

    def test_1_a_target_file_becomes_results(self):
        self.scan("first.txt")
        for unit in UNITS:
            status = pathlib.Path(f"/proc/{self.outside(unit)}/status").read_text()
            self.assertRegex(status, r"CapEff:\s0000000000000000\n")
            self.assertRegex(status, r"Seccomp:\s2\n")

    def outside(self, unit):
        """The number that a unit's process has here."""
        inner = self.show(unit, "MainPID")
        for path in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                text = path.read_text()
            except OSError:
                continue
            if re.search(rf"^NSpid:\s\d+\s{inner}$", text, re.MULTILINE) and f"PPid:\t{self.systemd}\n" in text:
                return int(path.parent.name)
        raise AssertionError(f"no process of {unit}")

    def test_2_a_killed_service_comes_back(self):
        for unit in UNITS:
            os.kill(self.outside(unit), signal.SIGKILL)
        for unit in UNITS:
            wait(lambda: self.show(unit, "NRestarts") == "1" and self.show(unit, "ActiveState") == "active", f"{unit} starts again")
        wait(lambda: self.log("synbox-manage").count("msg=serving") == 2, "the service serves")
        self.scan("second.txt")

    def test_3_both_are_reloaded_and_end_well(self):
        self.assertEqual(self.systemctl("reload", "synbox.service").returncode, 0)
        wait(lambda: "reloaded" in self.log("synbox"), "the scanner reads its configuration again")
        for unit in reversed(UNITS):
            stopped = self.systemctl("stop", unit)
            self.assertEqual(stopped.returncode, 0, stopped.stderr)
            self.assertEqual((self.show(unit, "ActiveState"), self.show(unit, "Result")), ("inactive", "success"))


if __name__ == "__main__":
    unittest.main()
