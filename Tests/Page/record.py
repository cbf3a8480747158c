"""Records Tests/Page/fixtures: what a real box says, for the stand-in that the page is developed against.

Needs root and build/synbox. `python3 Tests/Page/record.py`"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Docs"))
from lab import SYNBOX, Lab, wait  # noqa: E402

CONFIGURATION = """
data = "{data}"
interface = "box0"
source-ip = "198.18.0.1-198.18.0.8"
cooldown-time = 3
[scope]
allow = ["198.19.0.0/16"]
"""


def main():
    with Lab() as lab:
        data = lab.directory / "data"
        data.mkdir()
        configuration = lab.directory / "synbox.toml"
        configuration.write_text(CONFIGURATION.format(data=data))
        lab.start("box", SYNBOX, "serve", "--config", configuration, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def status(condition):
            def look():
                try:
                    document = json.loads((data / "status.json").read_text())
                except (OSError, ValueError):
                    return None
                return document if condition(document) else None

            return wait(look, "the status")

        def submit(name, text):
            (data / "spool" / f".{name}").write_text(text)
            (data / "spool" / f".{name}").rename(data / "spool" / name)

        def save(name, document):
            (HERE / "fixtures" / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")

        save("idle", status(lambda s: s["state"] == "idle" and s["nic"]["carrier"]))
        submit("bad.txt", "198.19.0.0/24\n198.19.1.0/33\n")
        submit("first.txt", "@ports 80\n@rate 2k\n198.19.0.0/20\n")
        status(lambda s: s.get("job", {}).get("name") == "first.txt")
        submit("next.txt", "@ports 443\n@rate 2k\n198.19.0.0/22\n")
        submit("later.txt", "@priority 40\n@ports 443\n@rate 2k\n198.19.0.0/22\n")
        save("scanning", status(lambda s: s.get("job", {}).get("progress", 0) > 0.3 and s["jobs_queued"] == 2))
        subprocess.run(["ip", "-n", f"{lab.name}-net", "link", "set", "net0", "down"], check=True)
        save("paused", status(lambda s: s["state"] == "paused"))
        subprocess.run(["ip", "-n", f"{lab.name}-net", "link", "set", "net0", "up"], check=True)
        save("overlap", status(lambda s: s["cooling"] and s.get("job")))
        save("cooldown", status(lambda s: s["state"] == "cooldown"))
        status(lambda s: s["state"] == "idle")
        save("summary", json.loads((data / "results/first.txt/summary.json").read_text()))
        reason = (data / "rejected/bad.txt/reason.txt").read_text()
        save("rejected", {"reason": reason, "files": sorted(path.name for path in (data / "results/first.txt").iterdir())})


main()
