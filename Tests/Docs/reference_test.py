"""docs/reference against the program: every name on a page is one that it reads or writes, and the other way round.

Needs root and build/synbox. One box runs in a lab; what it writes while it works is compared with the pages."""

import hashlib
import json
import pathlib
import re
import signal
import subprocess
import time
import unittest

import pages
from lab import SYNBOX, Lab, wait

CONFIGURATION = """
data = "data"
interface = "box0"
source-ip = "198.18.0.1-198.18.0.64"
rate = "20k"
cooldown-time = 2
target-ports = 80
lock-memory = "wanted"
licence = "fleet/licence"
[scope]
allow = ["198.19.0.0/16"]
"""

# A valid value, other than that of CONFIGURATION, for each key.
CHANGES = {
    "data": '"other"', "interface": '"lo"', "profile": '"auto"', "source-ip": '"198.18.0.9"', "source-port": '"40000"',
    "source-use": '"dedicated"', "gateway-mac": '"02:00:00:00:00:01"', "transmit": '"packet"', "receive": '"packet"', "report": '"all"',
    "rst": '"transmitter"', "rate": '"10k"', "bandwidth": '"1M"', "probes": "2", "cooldown-time": "3",
    "target-ports": "81", "output-module": '"json"', "output-fields": '["saddr"]', "probe-options": '"linux"',
    "pace-interval": '"2ms"', "on-overload": '"drop"',
    "sender-threads": "2", "batch": "7", "event-ring": '"64K"', "max-runtime": "60", "dedupe-memory": '"64M"',
    "log": '"kernel"', "licence": '"other"', "user": '"60901:60901"', "lock-memory": '"required"', "disk-high-water": "91", "max-spool": '"64M"',
}


def flat(value, prefix=""):
    """The names in a JSON value: members of objects by `.`, of objects in lists by `[].`."""
    found = set()
    if isinstance(value, dict):
        for name, member in value.items():
            found |= {prefix + name} | flat(member, f"{prefix}{name}.")
    elif isinstance(value, list):
        for member in value:
            found |= flat(member, f"{prefix[:-1]}[].")
    return found


class BoxTest(unittest.TestCase):
    """What a box writes, from its start to its end."""

    @classmethod
    def setUpClass(cls):
        with Lab() as lab:
            cls.observe(lab)

    @classmethod
    def observe(cls, lab):
        file = lab.directory / "synbox.toml"
        file.write_text(CONFIGURATION)
        data = lab.directory / "data"
        data.mkdir()
        log = (lab.directory / "log").open("w")
        box = lab.start("box", SYNBOX, "serve", "--config", file, stdout=log, stderr=subprocess.STDOUT)
        status = data / "status.json"
        wait(lambda: status.exists() and status.stat().st_size > 0 or box.poll() is not None, "the first status")
        if box.poll() is not None:
            raise AssertionError((lab.directory / "log").read_text())
        # What it shows without a licence; with one, it works.
        cls.status = flat(json.loads(status.read_text()))
        fleet = data / "fleet"
        fleet.mkdir()
        (fleet / "deny").write_text("")
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        expires = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 3600 * 10**9
        (fleet / "new").write_text(
            f'version = 1\nboot-id = "{boot}"\nrate = 1000000\nexpires = {expires}\n'
            f'deny-sequence = 1\ndeny-sha256 = "{hashlib.sha256(b"").hexdigest()}"\n')
        (fleet / "new").rename(fleet / "licence")
        (data / "spool" / "directory").mkdir()
        for name, priority in (("first", 60), ("second", 40)):
            hidden = data / "spool" / f".{name}"
            hidden.write_text(f"@priority {priority}\n@rate 1M\n198.19.0.0/17\n")
            hidden.rename(data / "spool" / name)

        def look():
            cls.status |= flat(json.loads(status.read_text()))
            return (data / "results" / "first" / "summary.json").exists()

        wait(look, "the end of the first job")
        cls.summary = flat(json.loads((data / "results" / "first" / "summary.json").read_text()))
        cls.metrics = set(re.findall(r"^# TYPE (\S+) ", (data / "metrics.prom").read_text(), re.M))

        head, _, scope = CONFIGURATION.partition("[scope]")
        kept = [line for line in head.splitlines() if line.partition(" ")[0] not in CHANGES]
        changed = kept + [f"{key} = {value}" for key, value in CHANGES.items()]
        file.write_text("\n".join(changed) + "\n[scope]" + scope)
        box.send_signal(signal.SIGHUP)
        cls.refusal = wait(lambda: " ".join(json.loads(status.read_text())["problems"]), "the refusal")
        box.terminate()
        cls.ending = box.wait(60)
        log.close()

    def check(self, page, documented, found):
        self.assertEqual(sorted(documented - found), [], f"{page} has names that the program does not write")
        self.assertEqual(sorted(found - documented), [], f"{page} lacks names that the program writes")

    def test_status(self):
        documented = set(pages.names("reference/status.md", "field"))
        # The page says that these have the members of `job`.
        found = {re.sub(r"^cooling\[\]\.", "job.", name) for name in self.status}
        self.check("status.md", documented, found)

    def test_summary(self):
        fates = {f"fates.{name}" for name in pages.names("reference/summary.md", "field in `fates`")}
        self.check("summary.md", set(pages.names("reference/summary.md", "field")) | fates, self.summary)

    def test_metrics(self):
        self.check("metrics.md", set(pages.names("reference/metrics.md", "metric")), self.metrics)

    def test_keys_that_a_reload_refuses(self):
        text = (pages.ROOT / "docs/reference/configuration.md").read_text()
        rows = next(rows for head, rows in pages.tables(text) if head[-1] == "reload")
        documented = {row[0].strip("`") for row in rows if row[-1] == "no"}
        words = set(re.findall(r"[a-z][a-z-]*", self.refusal.partition("expected")[0])) & set(CHANGES)
        self.check("configuration.md", documented, words)

    def test_exit_code_of_a_terminated_box(self):
        self.assertEqual(self.ending, 143)


class NamesTest(unittest.TestCase):
    """What the program accepts, from the messages about what it does not."""

    def setUp(self):
        self.lab = Lab()
        self.lab.__enter__()
        self.addCleanup(self.lab.__exit__)

    def alternatives(self, *arguments, files):
        """The names after "one of" in the message about a name that does not exist."""
        for name, text in files.items():
            (self.lab.directory / name).write_text(text)
        done = self.lab.run(SYNBOX, *arguments)
        found = re.search(r"one of ([^\n;]+)", done.stdout)
        self.assertIsNotNone(found, done.stdout)
        self.assertEqual(done.returncode, 2, done.stdout)
        return set(re.split(r",\s*", found[1].strip()))

    def check(self, documented, found):
        self.assertEqual(sorted(set(documented)), sorted(found))

    def test_keys_of_synbox_toml(self):
        check = ("check", "synbox.toml")
        keys = self.alternatives(*check, files={"synbox.toml": "nonsense = 1\n" + CONFIGURATION})
        self.check(pages.names("reference/configuration.md", "key"), keys | self.box_keys())
        scope = self.alternatives(*check, files={"synbox.toml": CONFIGURATION + "nonsense = 1\n"})
        self.check(pages.names("reference/configuration.md", "key in `[scope]`"), scope)

    def box_keys(self):
        check = ("check", "--init", "box.toml")
        keys = self.alternatives(*check, files={"box.toml": "nonsense = 1\n"})
        for table in keys - {"name"}:
            inner = self.alternatives(*check, files={"box.toml": self.box_with(table)})
            keys = keys | {f"{table}.{key}" for key in inner}
        return keys

    @staticmethod
    def box_with(table):
        """A box.toml with a key that does not exist in one table, and all else in order."""
        tables = {
            "interface": 'driver = "igb"\nname = "scan0"\naddress = "198.18.0.1/24"', "watchdog": "seconds = 30",
            "management": 'driver = "virtio_net"\naddress = "dhcp"',
            "modules": "always = []", "scanner": "heartbeat-seconds = 15",
        }
        tables[table] += "\nnonsense = 1"
        return 'name = "box"\n' + "".join(f"[{name}]\n{keys}\n" for name, keys in tables.items())

    def test_keys_of_a_profile(self):
        found = self.alternatives("nic", "diff", "-i", "box0", "--profile", "profile.toml",
                                  files={"profile.toml": "nonsense = 1\n"})
        self.check(pages.names("reference/configuration.md", "key in a NIC profile"), found)

    def test_directives(self):
        found = self.alternatives("check", "targets", files={"targets": "@nonsense 1\n198.19.0.1\n"})
        self.check(pages.names("reference/configuration.md", "directive"), found)

    def test_result_fields(self):
        found = self.alternatives("scan", "--dry-run", "-p", "80", "-f", "nonsense", "198.19.0.1", files={})
        self.check(pages.names("reference/results.md", "field"), found)

    def test_exit_codes(self):
        scan = self.lab.start("box", SYNBOX, "scan", "-i", "box0", "-p", "80", "-r", "100", "-q", "-m", "summary.json",
                              "198.19.0.0/16", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        # Its first result: from here on it listens to signals.
        wait(lambda: scan.stdout.readline(), "a line of results")
        scan.send_signal(signal.SIGINT)
        scan.stdout.read()
        (self.lab.directory / "synbox.toml").write_text(CONFIGURATION)
        found = {
            "0": self.lab.run(SYNBOX, "version").returncode,
            "1": self.lab.run(SYNBOX, "status", "--config", "synbox.toml").returncode,
            "2": self.lab.run(SYNBOX, "scan", "--nonsense").returncode,
            "130": scan.wait(60),
            # BoxTest ends a box.
            "143": 143,
        }
        self.assertEqual({code: int(code) for code in pages.names("reference/exit-codes.md", "code")}, found)


if __name__ == "__main__":
    unittest.main()
