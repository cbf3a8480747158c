"""What a box reports of each fault, apart from the boots, so that faults_test.py can check the patterns."""

import json
import re

# The console line of each fault. Each names the problem and its object, because the names of files and modules also occur
# in lines that every boot prints.
CONSOLE = {
    "damaged": r"^synbox: problem: the data partition \S+ is damaged\b.*$",
    "no-nic": r"^synbox: problem: no NIC matches \[interface\].*$",
    "unplugged": r"^synbox: problem: scan0 has no carrier\b.*$",
    "scope": r"^synbox: problem: .*\ballow:1:\d+: .*$",
}


def has_problem(status, pattern):
    """Whether the text of a status.json lists a problem that matches."""
    return any(re.search(pattern, problem) for problem in json.loads(status)["problems"])
