"""The box behind the stand-in of the management service: recorded documents (fixtures/) with other numbers."""

import copy
import datetime
import hashlib
import json
import pathlib
import re
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent


def fixture(name):
    return json.loads((HERE / "fixtures" / f"{name}.json").read_text())


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def problem(status, title, detail):
    return {"title": title, "status": status, "detail": detail}


class Box:
    """A box that scans what it is given, at most 20,000 probes a second, every second one answered."""

    rate = 20_000

    def __init__(self):
        self.lock = threading.RLock()
        self.status = fixture("idle")
        self.started = time.time() - 3 * 3600
        self.running = None
        self.waiting = []
        self.ended = []  # newest first
        self.files = {}
        self.problems = []
        self.sessions = {}
        self.fetched = set()
        self.totals = dict.fromkeys(self.status["totals"], 0)
        self.drops = dict.fromkeys(self.status["drops"], 0)
        self.last = time.time()

    # MARK: Time passes

    def step(self):
        with self.lock:
            now = time.time()
            elapsed, self.last = now - self.last, now
            if not self.running and self.waiting and not self.problems:
                job = self.waiting.pop(0)
                self.running = {**job, "began": now, "sent": 0, "results": 0}
            job = self.running
            if not job or self.problems:
                return
            sent = min(job["total"] - job["sent"], int(elapsed * job.get("rate", self.rate)))
            job["sent"] += sent
            job["results"] += int(sent * job.get("answered", .5))
            job["pps"] = sent / elapsed if elapsed > 0 else 0
            self.totals["probes_completed"] += sent
            self.totals["replies_valid"] += int(sent * job.get("answered", .5)) + sent // 500
            self.totals["results"] += int(sent * job.get("answered", .5))
            self.totals["duplicates"] += sent // 500
            if job["sent"] >= job["total"]:
                self.finish(job, now)

    def finish(self, job, now, why="done"):
        summary = fixture("summary")
        self.scale(summary, job["sent"], job["results"], now - job["began"])
        summary["ended_because"] = why
        self.files[job["name"]] = {
            "results.csv": b"saddr,sport\n" + b"".join(b"198.18.%d.%d,443\n" % (n // 256 % 256, n % 256) for n in range(min(job["results"], 50_000))),
            "summary.json": json.dumps(summary).encode(), job["name"]: job["content"],
        }
        self.ended.insert(0, {"name": job["name"], "state": "finished", "owner": job["owner"], "priority": 50, "results": job["results"],
                              "ended": stamp(now), "ended_because": why, "fetched": False, "summary": summary})
        self.running = None

    @staticmethod
    def scale(summary, sent, results, seconds):
        """A summary with other numbers, whose equations hold."""
        duplicates, others = sent // 500, sent // 90
        fates = dict.fromkeys(summary["fates"], 0)
        fates.update(not_ipv4=12, other_port=others, bad_cookie=sent // 70_000, open=results + duplicates)
        valid = fates["open"]
        summary.update(
            fates=fates, resumed=0, probes_generated=sent, probes_completed=sent, probes_refused=0, targets_total=sent, replies_open=valid,
            replies_valid=valid, replies_closed=0, replies_icmp=0, replies_invalid=fates["bad_cookie"], replies_received=valid + fates["bad_cookie"],
            packets_seen=sum(fates.values()), replies_reported=valid, duplicates=duplicates, results_written=results, results_discarded=0,
            events_lost=0, rst_sent=valid, duration_seconds=seconds, rate_achieved_pps=sent / max(seconds - 3, 1))

    # MARK: What it says

    def snapshot(self):
        with self.lock:
            self.step()
            document = copy.deepcopy(self.status)
            now = time.time()
            job = self.running
            document.update(
                time=stamp(now), started=stamp(self.started), problems=list(self.problems), totals=dict(self.totals), drops=dict(self.drops),
                queue=[{"name": each["name"], "priority": 50, "state": "queued"} for each in self.waiting], jobs_queued=len(self.waiting),
                jobs_finished=sum(each["state"] == "finished" for each in self.ended),
                jobs_rejected=sum(each["state"] == "rejected" for each in self.ended))
            document["management"] = {"version": document["version"], "started": stamp(self.started), "certificate_sha256": "5e" * 32, "connections": 2}
            document["state"] = "paused" if self.problems else "scanning" if job else "idle"
            if job:
                pps = 0 if self.problems else job.get("pps", 0)
                document["job"] = {**fixture("scanning")["job"], "resumed": 0, "name": job["name"], "progress": job["sent"] / job["total"], "probes_total": job["total"],
                                   "probes_completed": job["sent"], "rate_requested_pps": job.get("rate", self.rate), "rate_pps": pps,
                                   "results": job["results"], "elapsed_seconds": now - job["began"], "probes_refused": 0,
                                   "seconds_remaining": (job["total"] - job["sent"]) / job.get("rate", self.rate), "replies_valid": job["results"]}
            return document

    def jobs(self, state):
        with self.lock:
            self.step()
            return [job for job in self.ended if job["state"] == state]

    def job(self, name):
        """One job, in full."""
        with self.lock:
            self.step()
            for job in self.ended:
                if job["name"] == name:
                    files = [{"name": file, "bytes": len(content)} for file, content in self.files.get(name, {}).items()]
                    return {**job, **({"files": files} if files else {})}
            for job in [self.running] + self.waiting:
                if job and job["name"] == name:
                    return {"name": name, "state": "scanning" if job is self.running else "queued"}
        return None

    def submit(self, name, content, owner):
        """Returns a status code and a document."""
        with self.lock:
            taken = [job["name"] for job in self.ended + self.waiting + ([self.running] if self.running else [])]
            if name in taken:
                return 409, problem(409, "The name is in use", f"A job named {name} exists. Submit the file under another name.")
            mistakes, total, settings = [], 0, {}
            for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
                directive = re.match(r"@(rate|ports) (\S+)", line)
                if directive:
                    settings[directive[1]] = directive[2]
                bad = re.search(r"/(\d+)", line)
                if bad and int(bad[1]) > 32:
                    mistakes.append({"line": number, "column": bad.start(1) + 1, "found": f'"{bad[1]}"', "expected": "a prefix length from 0 to 32"})
                elif bad:
                    total += 1 << (32 - int(bad[1]))
            if mistakes:
                first = mistakes[0]
                text = f'{name}:{first["line"]}:{first["column"]}: found {first["found"]}, expected {first["expected"]}'
                return 400, {**problem(400, "The target file has mistakes", text), **first, "mistakes": mistakes}
            rate = int(settings.get("rate", "20k").replace("k", "000"))
            total *= len(settings.get("ports", "80").split(","))
            self.waiting.append({"name": name, "total": max(total, 1), "content": content, "owner": owner, "rate": rate})
            self.step()
            return 201, {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "owner": owner}

    def reject(self, name, reason, ago=0):
        self.ended.insert(0, {"name": name, "state": "rejected", "ended": stamp(time.time() - ago), "reason": reason})

    def cancel(self, name):
        with self.lock:
            if self.running and self.running["name"] == name:
                self.finish(self.running, time.time(), "cancelled")
                return True
            for job in self.waiting:
                if job["name"] == name:
                    self.waiting.remove(job)
                    self.reject(name, f"{name}: cancelled by the operator")
                    return True
        return False
