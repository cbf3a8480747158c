"""The documentation against the repository: links, paths, make targets, diagrams. Needs neither root nor a build."""

import re
import subprocess
import sys
import unittest

import pages
from pages import ROOT

sys.path.insert(0, str(ROOT / "docs" / "diagrams"))
import draw  # noqa: E402

# Directories whose names begin a path in the documentation, as in `Scan/Pacer.swift` or `ScanTests/PacerTests`.
PARENTS = ["", "Sources", "Sources/synbox", "Tests"]
# Parts of a path that stand for something else.
PLACEHOLDER = re.compile(r"^(NAME|DRIVER|CASE|RELEASE|VERSION|DISK)\b|[…*<]")
# Commands of README.md and docs/HACKING.md that commands_test.py does not run, and why.
NOT_RUN = {
    "make run": "what it runs is Tests/Client/run_test.py",
    "make test": "runs this test",
    "make image PROFILE=all SITE=lab": "a prerequisite of make test",
    "make boot-test": "a step of .ci/run; takes a quarter of an hour",
    "swift build --product synboxPackageTests": "a step of make test",
    "swift test --skip-build --filter 'PlanTests\\.'": "a part of make test",
}


def exists(path):
    return any((ROOT / parent / (path + ending)).exists() for parent in PARENTS for ending in ("", ".swift"))


def is_path(span):
    """Whether a code span names something of this repository."""
    if not re.fullmatch(r"[\w.+-]+(/[\w.+-]*)+", span):
        return False
    if any(PLACEHOLDER.search(part) for part in span.split("/")):
        return False
    first = span.split("/")[0]
    roots = ["Sources", "Tests", "bpf", "docs", "image", "netconfig", "tools", ".ci"]
    modules = [child.name for parent in PARENTS[1:] for child in (ROOT / parent).iterdir() if child.is_dir()]
    return first in roots + modules


class PagesTest(unittest.TestCase):
    def check(self, mistakes):
        self.assertEqual(sorted(set(mistakes)), [])

    def test_links_and_anchors_resolve(self):
        mistakes = []
        for file in pages.files():
            for link in pages.links(file.read_text()):
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = (file.parent / path).resolve() if path else file
                if not target.exists():
                    mistakes.append(f"{file.relative_to(ROOT)}: {link} does not exist")
                elif anchor and target.suffix == ".md" and anchor not in pages.anchors(target.read_text()):
                    mistakes.append(f"{file.relative_to(ROOT)}: {link} has no such heading")
        self.check(mistakes)

    def test_each_command_is_run_or_has_a_reason_not_to_be(self):
        commands = set()
        for page in ("README.md", "docs/HACKING.md"):
            for language, block in pages.blocks((ROOT / page).read_text()):
                if not language:
                    commands |= {re.sub(r"\s+#.*", "", line).strip() for line in block.splitlines()}
        self.check((commands - {""}) ^ set(NOT_RUN))

    def test_paths_exist(self):
        mistakes = []
        # The change log names what there was before, too.
        for file in set(pages.files()) - {ROOT / "CHANGELOG.md"}:
            for span in pages.spans(file.read_text()):
                if is_path(span) and not exists(span):
                    mistakes.append(f"{file.relative_to(ROOT)}: {span} does not exist")
        self.check(mistakes)

    def test_source_files_name_pages_that_exist(self):
        found = subprocess.run(["git", "-C", ROOT, "grep", "-ohE", r"docs/[a-zA-Z/-]+\.md", "--", "Sources", "Tests",
                                "bpf", "image", "netconfig", "Makefile", "Package.swift", ".ci"],
                               capture_output=True, text=True, check=True).stdout.split()
        self.check(path for path in found if not (ROOT / path).exists())

    def test_make_targets_exist(self):
        makefile = (ROOT / "Makefile").read_text()
        targets = set()
        for line in re.findall(r"^([a-zA-Z][\w ./-]*):(?!=)", makefile, re.M):
            targets.update(line.split())
        mistakes = []
        for file in pages.files():
            text = file.read_text()
            code = pages.spans(text) + [block for _, block in pages.blocks(text)]
            for target in re.findall(r"(?:^|[\s])make ([a-z][a-z-]*)", "\n".join(code)):
                if target not in targets:
                    mistakes.append(f"{file.relative_to(ROOT)}: make {target} does not exist")
        self.check(mistakes)

    def test_every_module_stands_in_the_module_map(self):
        text = (ROOT / "docs/architecture.md").read_text()
        modules = [f"Sources/{child.name}" for child in (ROOT / "Sources").iterdir() if child.is_dir()]
        self.check(module for module in modules if f"`{module}`" not in text)

    def test_module_map_has_the_imports_of_the_package(self):
        package = (ROOT / "Package.swift").read_text()
        text = (ROOT / "docs/architecture.md").read_text()
        rows = next(rows for head, rows in pages.tables(text) if head[-1] == "imports")
        shown = {row[0].strip("`").removeprefix("Sources/"): row[-1] for row in rows}
        order = [name for row in rows for name in re.findall(r"Sources/(\w+)", row[0])]
        mistakes = []
        for module, imports in re.findall(r'^ *module\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?[,)]', package, re.M):
            names = re.findall(r'"(\w+)"', imports)
            if shown.get(module) != ", ".join(names):
                mistakes.append(f"{module} imports {', '.join(names)}")
            mistakes += [f"{module} stands above {name}" for name in names if order.index(name) > order.index(module)]
        self.check(mistakes)

    def test_sources_import_only_the_modules_of_their_row(self):
        """SwiftPM does not refuse an import of a module that happens to be built."""
        package = (ROOT / "Package.swift").read_text()
        modules = {child.name for child in (ROOT / "Sources").iterdir()}
        declared = dict(re.findall(r'^ *module\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?[,)]', package, re.M))
        mistakes = []
        for module in sorted(modules):
            allowed = set(re.findall(r'"(\w+)"', declared.get(module, ""))) | {module}
            if module not in declared:
                # An executable: any library, but no other executable.
                allowed |= set(declared) | {"CLinux", "CNetlink"}
            for file in (ROOT / "Sources" / module).rglob("*.swift"):
                imports = re.findall(r"^(?:@\w+ )*(?:public |package )?import (\w+)", file.read_text(), re.M)
                mistakes += [f"{file.relative_to(ROOT)} imports {name}" for name in set(imports) & modules - allowed]
        self.check(mistakes)

    def test_the_program_holds_commands_and_what_serve_performs(self):
        """PID 1 is Supervision, a scan is Engine; docs/architecture.md says the rest."""
        source = ROOT / "Sources" / "synbox"
        self.assertEqual({child.name for child in source.iterdir() if child.is_dir()},
                         {"Commands", "Configuration", "Serve"})
        init = (source / "Commands" / "InitCommand.swift").read_text()
        self.assertEqual(set(re.findall(r"^import (\w+)", init, re.M)), {"ArgumentParser", "Kernel", "Supervision"})

    def test_every_design_and_reference_page_is_linked_from_the_readme(self):
        linked = set(pages.links((ROOT / "README.md").read_text()))
        found = [str(file.relative_to(ROOT)) for part in ("design", "reference")
                 for file in (ROOT / "docs" / part).glob("*.md")]
        self.check(path for path in found if path not in linked)

    def test_design_pages_begin_with_what_they_guarantee(self):
        self.check(file.name for file in (ROOT / "docs/design").glob("*.md")
                   if not file.read_text().split("\n", 2)[2].startswith("**Guarantees.**"))

    def test_diagrams_are_those_that_the_script_draws(self):
        self.assertEqual(draw.main(["--check"]), 0)

    def test_diagrams_name_paths_that_exist(self):
        self.check(path for path in draw.paths() if not (ROOT / path).exists())


if __name__ == "__main__":
    unittest.main()
