"""Describes the machine, and the versions of the programs involved."""

import os
import platform
import re
import subprocess
from pathlib import Path

from lab import NEWEST_ZMAP, ROOT, SYNBOX

TOOLS = {
    "synbox": [SYNBOX, "version"],
    "ZMap": ["zmap", "--version"],
    "ZMap 4": [NEWEST_ZMAP, "--version"],
    "Masscan": ["masscan", "--version"],
    "Swift": ["swift", "--version"],
    "ip": ["ip", "-V"],
    "nft": ["nft", "--version"],
    "valgrind": ["valgrind", "--version"],
}


def describe_machine() -> dict[str, str]:
    """Names and values, in the order of the report."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="ascii"))
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    described = {
        "CPU": model.group(1) if model else platform.machine(),
        "processors": str(os.cpu_count()),
        "virtual machine": virtualization(),
        "memory": f"{int(memory.group(1)) / 2**20:.1f} GiB" if memory else "unknown",
        "kernel": f"{platform.release()} {platform.machine()}",
        "system": system,
        "revision": output(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
        "Python": platform.python_version(),
        "matplotlib": matplotlib_version(),
    }
    return described | {name: output(call) for name, call in TOOLS.items()}


def virtualization() -> str:
    """Returns whether the processor reports a hypervisor."""
    flags = re.search(r"flags\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="ascii"))
    return "yes" if flags and "hypervisor" in flags.group(1).split() else "none reported"


def matplotlib_version() -> str:
    import matplotlib  # Not at the top, because only the charts need it.

    return matplotlib.__version__


def output(call: list[str]) -> str:
    """Returns the first line of a program's output, or why it did not run."""
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"not available: {error}"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"
