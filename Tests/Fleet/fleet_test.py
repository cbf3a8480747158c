"""The demonstration of a fleet. Needs root."""

import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def namespaces():
    return {line.split()[0] for line in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout.splitlines()}


def strays(place):
    """Processes whose files lie in a directory."""
    found = subprocess.run(["pgrep", "-f", str(place)], capture_output=True, text=True).stdout.split()
    return found


class FleetTests(unittest.TestCase):
    def run_it(self, *command, place):
        before = namespaces()
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertLessEqual(namespaces(), before, "it leaves nothing behind")
        self.assertEqual(strays(place), [])
        return done.stdout

    def test_demonstration(self):
        output = self.run_it(ROOT / "netconfig/fleet", place=ROOT / "build/fleet")
        self.assertIn("is killed", output)
        self.assertIn("all 65536 results match the target nodes' rule, each once", output)


if __name__ == "__main__":
    unittest.main()
