"""The documentation's pages: links, anchors, code spans, fenced blocks and tables."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files():
    """Every Markdown file of the repository; generated reports are left out."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.md"], capture_output=True,
                            text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in sorted(set(listed)) if name != "docs/evaluation/report.md" and (ROOT / name).exists()]


def blocks(text):
    """The fenced blocks as (language, text)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def prose(text):
    """The text without fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def spans(text):
    """The inline code spans; one may be broken over two lines."""
    return [re.sub(r"\s+", " ", span) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(text))]


def links(text):
    """The targets of links and images."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(text)))


def anchors(text):
    """The anchors of the headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(text), re.M):
        words = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(words.replace(" ", "-"))
    return found


def tables(text):
    """The tables as (header, rows), each a list of stripped cells."""
    found = []
    for table in re.findall(r"(?:^\|.*\|$\n?)+", text, re.M):
        rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()]
        found.append((rows[0], rows[2:]))
    return found


def names(page, header):
    """The names in the first column of the page's tables whose first heading is `header`."""
    text = (ROOT / "docs" / page).read_text()
    cells = [row[0] for head, rows in tables(text) if head[0] == header for row in rows]
    return [cell.strip("`") for cell in cells]
