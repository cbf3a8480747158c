#!/usr/bin/python3
"""Rejects the words that docs/glossary.md retires: Tests/Checks/words.py, from the repository's root."""
import re
import subprocess
import sys

GLOSSARY = "docs/glossary.md"
# The glossary and the change log name the old words; the rest is not our text.
EXCLUDED = re.compile(
    r"^(docs/glossary\.md|CHANGELOG\.md|LICENSE|docs/evaluation/report\.|docs/.*\.svg$|Tests/Fuzz/Corpora/"
    r"|Tests/Checks/words_test\.py$|image/packages\.lock$|Sources/synbox/Tables/)")


def retired(glossary):
    """Returns the patterns of the table "Retired words", each with the word to use instead."""
    section = glossary.split("\n## Retired words\n", 1)[1]
    rows = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 2 or not cells[0].startswith("`"):
            continue
        pattern = cells[0].strip("`").replace("\\|", "|")
        rows.append((re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), cells[1]))
    if not rows:
        raise ValueError(f"{GLOSSARY}: found no table of retired words")
    return rows


def findings(path, text, rows):
    """Yields a message for each retired word in a text. A phrase may be broken over two lines only in comments of
    which we would see each half, so lines are enough."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, word in rows:
            for match in pattern.finditer(line):
                yield f'{path}:{number}: "{match.group()}": use {word}'


def main():
    with open(GLOSSARY, encoding="utf-8") as file:
        rows = retired(file.read())
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True).stdout
    count = 0
    for path in listed.decode().split("\0"):
        if not path or EXCLUDED.match(path):
            continue
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for message in findings(path, text, rows):
            print(message)
            count += 1
    if count:
        sys.exit(f"{count} retired words; {GLOSSARY} lists what to use instead")


if __name__ == "__main__":
    main()
