"""Every command line of README.md and docs/HACKING.md is run; pages_test.py lists the exceptions and why.

Needs root and build/synbox. In a block marked `console`, lines that begin with `$` are run on the box's side of a lab,
lines that begin with `#` as root in the repository; all other lines are output, which must appear again but for digits."""

import os
import re
import subprocess
import unittest

import pages
from lab import SYNBOX, Lab
from pages import ROOT


def shape(line):
    """A line of output without what differs from run to run."""
    return re.sub(r"\d+", "#", line.strip())


class CommandsTest(unittest.TestCase):
    def test_readme(self):
        with Lab() as lab:
            for language, block in pages.blocks((ROOT / "README.md").read_text()):
                if language == "console":
                    self.run_console(lab, block)

    def run_console(self, lab, block):
        commands = re.findall(r"^\$ (.*)$", block, re.M)
        expected = [line for line in block.splitlines() if line and not line.startswith("$ ")]
        script = "\n".join(["set -eo pipefail", *commands]).replace("eth0", "box0")
        done = lab.run("bash", "-c", script)
        self.assertEqual(done.returncode, 0, f"{script}\n{done.stdout}")
        shapes = {shape(line) for line in done.stdout.splitlines()}
        for line in expected:
            self.assertIn(shape(line), shapes, f"not in the output of {script}:\n{done.stdout}")

    def test_hacking(self):
        for language, block in pages.blocks((ROOT / "docs/HACKING.md").read_text()):
            if language == "console":
                # A name of its own, so that a lab made by hand is left alone.
                script = re.sub(r"^# ", "", block, flags=re.M)
                script = re.sub(r"\btry\b", f"synbox-{os.getpid()}-990", script)
                done = subprocess.run(["bash", "-ec", script], cwd=ROOT, text=True, timeout=120, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)
                self.assertEqual(done.returncode, 0, f"{script}\n{done.stdout}")

    def test_configurations_are_valid(self):
        with Lab() as lab:
            found = 0
            for page, name, arguments in (("README.md", "synbox.toml", ("synbox.toml",)),
                                          ("docs/design/boot.md", "box.toml", ("--init", "box.toml"))):
                (lab.directory / "never.txt").write_text("198.18.5.0/24\n")
                for language, block in pages.blocks((ROOT / page).read_text()):
                    if language == "toml":
                        found += 1
                        (lab.directory / name).write_text(block)
                        done = lab.run(SYNBOX, "check", *arguments)
                        self.assertEqual(done.returncode, 0, f"{page}\n{done.stdout}")
            self.assertEqual(found, 2)

    def test_subcommands_and_options_in_the_text_exist(self):
        mistakes = []
        # The glossary quotes words that must not be used.
        for file in set(pages.files()) - {ROOT / "docs/glossary.md"}:
            for span in pages.spans(file.read_text()):
                words = span.split()
                if words[0] != "synbox" or len(words) < 2 or not re.fullmatch(r"[a-z]+", words[1]):
                    continue
                path = [word for word in words[1:3] if re.fullmatch(r"[a-z]+", word)]
                path = path[:2] if path[0] == "nic" else path[:1]
                done = subprocess.run([SYNBOX, "help", *path], capture_output=True, text=True, check=False)
                options = [word.partition("=")[0] for word in words if word.startswith("-")]
                text = done.stdout + " --help"
                missing = [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)]
                if done.returncode or missing or f"synbox {' '.join(path)}" not in done.stdout:
                    mistakes.append(f"{file.relative_to(ROOT)}: {span}")
        self.assertEqual(mistakes, [])


if __name__ == "__main__":
    unittest.main()
