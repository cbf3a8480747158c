#!/usr/bin/python3
"""Rejects suites without a time limit, tests that are not named by a raw identifier or stand outside a suite, and
patterns of `make lab` that match no test: Tests/Checks/suites.py, from the repository's root."""
import glob
import re
import sys

TEST = re.compile(r"@Test\b")
SUITE = re.compile(r"@Suite\b")


def attribute_end(text, start):
    """Returns where an attribute and its arguments end."""
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] in "@_"):
        end += 1
    if text[end : end + 1] != "(":
        return end
    depth, in_string = 0, False
    while end < len(text):
        character = text[end]
        if in_string and character == "\\":
            end += 1
        elif character == '"':
            in_string = not in_string
        elif not in_string and character in "([{":
            depth += 1
        elif not in_string and character in ")]}":
            depth -= 1
            if depth == 0:
                return end + 1
        end += 1
    return end


def findings(path, text):
    """Yields a message for each suite or test of a Swift file that breaks a rule."""
    # Comments may mention the attributes.
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    # In a raw string a backslash escapes nothing.
    text = re.sub(r'#"[^\n]*?"#', '""', text)
    def at(position):
        return f"{path}:{text.count(chr(10), 0, position) + 1}"
    for match in SUITE.finditer(text):
        if ".timeLimit(" not in text[match.start() : attribute_end(text, match.start())]:
            yield f"{at(match.start())}: the suite has no .timeLimit"
    for match in TEST.finditer(text):
        rest = text[attribute_end(text, match.start()) :]
        name = re.search(r"\bfunc\s+(\S)", rest)
        if name is None or name.group(1) != "`":
            yield f"{at(match.start())}: the test's name is not a raw identifier (func `is a sentence`())"
        # swift-format indents members, so a declaration in the first column is outside any suite.
        column = match.start() - (text.rfind("\n", 0, match.start()) + 1)
        if column == 0 or not SUITE.search(text[: match.start()]):
            yield f"{at(match.start())}: the test is outside a @Suite"


NAME = re.compile(r"@Suite\b.*?\bstruct\s+(?:`([^`]+)`|(\w+))|@Test\b.*?\bfunc\s+`([^`]+)`", re.DOTALL)


def names(path, text):
    """Yields `Module.suite/test` for each test of a Swift file, as `swift test --filter` sees it."""
    suite = ""
    for match in NAME.finditer(text):
        if match.group(3) is None:
            raw, plain = match.group(1), match.group(2)
            suite = f"`{raw}`" if raw else plain
        else:
            yield f"{path.split('/')[1]}.{suite}/`{match.group(3)}`"


def unmatched(cases, tests):
    """Yields the patterns of `make lab` that match no test."""
    for line in cases.splitlines():
        if line and not line.startswith("#") and not any(re.search(line, test) for test in tests):
            yield line


def main():
    count = 0
    tests = []
    for path in sorted(glob.glob("Tests/*Tests/**/*.swift", recursive=True)):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        tests += names(path, text)
        for message in findings(path, text):
            print(message)
            count += 1
    with open("Tests/lab-cases", encoding="utf-8") as file:
        for pattern in unmatched(file.read(), tests):
            print(f"Tests/lab-cases: no test matches {pattern}")
            count += 1
    if count:
        sys.exit(f"{count} suites or tests break a rule of docs/design/testing.md")


if __name__ == "__main__":
    main()
