#!/usr/bin/env python3
"""chaos.py SEED [seconds=240] [rate=1600] [shards=64] [faults=agent,scanner,stop,broker,brokers,collector,cut,clone] [brokers=1]
[server=build/nats-server]: a fleet of four boxes, whose programs are killed, stopped and cut off at random; then the verdict. The
programs are the real ones, in labs. As a control, what all boxes found is merged as it is, without the collector."""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
loader = importlib.machinery.SourceFileLoader("fleet", str(ROOT / "netconfig/fleet"))
fleet = importlib.util.module_from_spec(importlib.util.spec_from_loader("fleet", loader))
loader.exec_module(fleet)

TARGETS, PORTS = "198.19.0.0/16", "80,443"
# Denied in mid-scan: a sixteenth of it. The target nodes count what still comes to it.
DENIED = "198.19.48.0/20"
LICENCE, LEASE = 4, 8
PROXY = ROOT / "Tests/Fleet/proxy.py"


class Chaos(fleet.Demonstration):
    def __init__(self, seed, options):
        super().__init__()
        self.random = random.Random(seed)
        self.options = {"seconds": "240", "rate": "1600", "shards": "64", "faults": "agent,scanner,stop,broker,brokers,collector,cut,clone",
                        "brokers": "1", "server": "build/nats-server"} | options
        self.rate, self.shards = int(self.options["rate"]), int(self.options["shards"])
        self.boxes = ["b1", "b2", "b3", "b4"]
        self.brokers = [f"broker{number + 1}" for number in range(int(self.options["brokers"]))]
        self.back = []
        self.down = set()
        self.counts = {}
        self.started = time.monotonic()
        self.samples = []
        self.watched, self.last_watched = 0, 0.0

    def say(self, *words):
        print(f"{time.monotonic() - self.started:7.2f}", *words, flush=True)

    def count(self, fault):
        self.counts[fault] = self.counts.get(fault, 0) + 1

    def later(self, seconds, act):
        self.back.append((time.monotonic() + seconds, act))

    # MARK: Parts

    def make_fleet(self):
        self.page = fleet.free_port()
        self.ports = [fleet.free_port() for _ in self.brokers]
        key = fleet.PLACE / "operator"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", key], check=True)
        boxes = [part for box in self.boxes for part in ("--box", box)]
        brokers = []
        for name, port in zip(self.brokers, self.ports):
            route = f",127.0.0.1:{fleet.free_port()}" if len(self.brokers) > 1 else ""
            brokers += ["--broker", f"{name}=127.0.0.1:{port}{route}"]
        self.control("init", fleet.PLACE / "fleet", *brokers, "--submit-key", f"{key}.pub", *boxes)
        # Each box reaches the brokers by proxies of its own, which can be stopped.
        for box in self.boxes:
            servers = fleet.PLACE / f"fleet/boxes/{box}/servers"
            servers.write_text("")
            for name, port in zip(self.brokers, self.ports):
                proxy = fleet.free_port()
                with servers.open("a") as file:
                    file.write(f"127.0.0.1:{proxy}\n")
                self.start(self.proxy(box, name), sys.executable, PROXY, proxy, port)

    def proxy(self, box, broker):
        return f"{box}-proxy-{broker}"

    def start_broker(self, name):
        self.start(name, ROOT / self.options["server"], "-c", fleet.PLACE / f"fleet/broker/{name}/nats-server.conf")

    def start_brokers(self):
        for name in self.brokers:
            self.start_broker(name)
        for name in self.brokers:
            self.wait(lambda: "Server is ready" in self.log(name), "a broker did not start", name)

    def start_node(self, lab, name):
        self.start(name, "ip", "netns", "exec", f"{lab}-net", fleet.BUILD / "synbox", "respond", "-i", "net0", "--answer", "even",
                   "--watch", DENIED, "--json")  # fmt: skip

    def nodes(self):
        """The SYNs that all target nodes have seen, and those of them to what is denied later."""
        total = watched = 0
        for box in self.boxes:
            name = f"{box}-node"
            before = self.log(name).count("\n")
            self.processes[name].send_signal(signal.SIGUSR1)
            deadline = time.monotonic() + 5
            while self.log(name).count("\n") <= before and time.monotonic() < deadline:
                time.sleep(0.005)
            counts = json.loads(self.log(name).splitlines()[-1])
            total += counts["syns_valid"]
            watched += counts["syns_watched"]
        if watched != self.watched:
            self.watched, self.last_watched = watched, time.time()
        return total

    # MARK: Faults

    def fault(self):
        kind = self.random.choice(self.options["faults"].split(","))
        free = [box for box in self.boxes if box not in self.down]
        if kind in ("agent", "scanner") and free:
            box, pause = self.random.choice(free), self.random.choice([0.3, 1, 5, 12])
            self.kill(f"{box}-{kind}")
            self.down.add(box)
            self.say(f"{kind} of {box} killed for {pause} s")
            start = self.start_agent if kind == "agent" else self.start_scanner
            self.later(pause, lambda: (start(box), self.down.discard(box)))
        elif kind == "stop" and len(free) > 1:
            box, pause, part = self.random.choice(free), self.random.choice([3, 7, 15]), self.random.choice(["agent", "scanner"])
            process = self.processes[f"{box}-{part}"]
            process.send_signal(signal.SIGSTOP)
            self.down.add(box)
            self.say(f"{part} of {box} stopped for {pause} s")
            self.later(pause, lambda: (process.send_signal(signal.SIGCONT), self.down.discard(box)))
        elif kind == "cut" and free:
            box, pause = self.random.choice(free), self.random.choice([3, 7, 15])
            proxies = [self.processes[self.proxy(box, broker)] for broker in self.brokers]
            for process in proxies:
                process.send_signal(signal.SIGSTOP)
            self.down.add(box)
            self.say(f"{box} cut off for {pause} s")
            self.later(pause, lambda: ([each.send_signal(signal.SIGCONT) for each in proxies], self.down.discard(box)))
        elif kind in ("broker", "brokers") and (running := [name for name in self.brokers if name in self.processes]):
            pause = self.random.choice([0.5, 2, 6])
            for name in running if kind == "brokers" else [self.random.choice(running)]:
                self.kill(name)
                self.say(f"{name} killed for {pause} s; it keeps nothing")
                self.later(pause, lambda name=name: self.start_broker(name))
        elif kind == "collector" and "collector" in self.processes:
            pause = self.random.choice([0.3, 2, 8])
            self.kill("collector")
            self.say(f"collector killed for {pause} s")
            self.later(pause, self.start_collector)
        elif kind == "clone" and "clone-agent" not in self.processes and "b1" in free:
            self.clone()
        else:
            return
        self.count(kind)

    def clone(self):
        """The disk of b1 starts again in another boot; its scanner does not."""
        place = fleet.PLACE / "clone"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(fleet.PLACE / "b1", place)
        (fleet.PLACE / "other-boot").write_text("00000000-0000-4000-8000-000000000000\n")
        mount = f"mount --bind {fleet.PLACE}/other-boot /proc/sys/kernel/random/boot_id && exec \"$@\""
        self.start_agent("clone", place, ("unshare", "-m", "sh", "-c", mount, "sh"))
        self.say("a clone of b1 appears for 15 s")
        self.later(15, lambda: self.kill("clone-agent"))

    # MARK: The run

    def run(self):
        self.make_fleet()
        self.start_brokers()
        self.start_collector()
        for box in self.boxes:
            self.start_box(box)
        self.admit(self.boxes)
        (fleet.PLACE / "deny2.txt").write_text(f"{DENIED}\n")
        (fleet.PLACE / "targets.txt").write_text(f"{TARGETS}\n")
        scan = self.ask("submit", fleet.PLACE / "targets.txt", "-p", PORTS, "-r", self.rate, "--shards", self.shards, "-c", 2, "--key", fleet.PLACE / "operator").strip()
        results = fleet.PLACE / "collector/results" / scan[:16]
        self.denied_at = None
        self.looked = 0.0
        next_fault, limit = time.monotonic() + 8, time.monotonic() + float(self.options["seconds"])
        while not results.is_dir():
            time.sleep(0.2)
            now = time.monotonic()
            if now > limit:
                raise fleet.Failure("not finished: " + self.log("collector")[-500:])
            for due in [each for each in self.back if each[0] <= now]:
                self.back.remove(due)
                due[1]()
            if not self.samples or now - self.samples[-1][0] >= 1:
                self.samples.append((time.monotonic(), self.nodes()))
            elif self.denied_at and now - self.looked >= 0.2:
                self.looked = now
                self.nodes()
            accepted = self.accepted()
            if self.denied_at is None and accepted >= self.shards // 3:
                self.deny()
            if now >= next_fault and accepted < self.shards * 0.95:
                self.fault()
                next_fault = now + self.random.uniform(1, 6)
        self.say("merged")
        self.verdict(results)

    def accepted(self):
        try:
            return (fleet.PLACE / "collector/ledger").read_text().count("\n") - 1
        except OSError:
            return 0

    def deny(self):
        try:
            self.ask("deny", fleet.PLACE / "deny2.txt", "--key", fleet.PLACE / "operator")
        except fleet.Failure:
            # The broker or the collector is down: the next look tries again.
            return
        self.denied_at = time.time()
        self.say("deny list 2")

    # MARK: The verdict

    def verdict(self, results):
        listed = subprocess.run([fleet.BUILD / "synbox", "list", "-p", PORTS, TARGETS], check=True, capture_output=True, text=True).stdout.split()
        truth = {line for line in listed if int(line.split(",")[0].split(".")[3]) % 2 == 0}
        _, *found = (results / "results.csv").read_text().split()
        denied = {line for line in truth if int(line.split(".")[2]) // 16 == 3}
        checks = [
            ("each pair once", len(found) == len(set(found)), len(found)),
            ("no pair that is not open", set(found) <= truth, len(set(found) - truth)),
            ("none missing but denied ones", truth - set(found) <= denied, len(truth - set(found)), "of", len(truth)),
        ]
        sent = self.nodes()
        most = max((after[1] - before[1]) / (after[0] - before[0]) for before, after in zip(self.samples, self.samples[1:]))
        checks.append(("most probes in any second, of the budget and a tenth", most <= self.rate * 1.1, f"{most:.0f} of {self.rate}"))
        if self.denied_at:
            late = self.last_watched - self.denied_at
            checks.append(("last probe into what was denied, seconds after", self.watched > 0 and late <= LICENCE + 1, f"{late:.2f} of {LICENCE}; {self.watched} in all"))
        every = [line for file in fleet.PLACE.glob("b?/data/results/fleet-*/results.csv") for line in file.read_text().split()[1:]]
        self.say(f"control, what all boxes found as it is: {len(every)} lines for {len(set(every))} pairs, {len(every) - len(set(every))} too many")
        held = True
        for name, good, *more in checks:
            held &= bool(good)
            self.say("ok  " if good else "FAIL", name, *more)
        self.say(f"probes {sent} for {len(listed)} targets, {100 * sent / len(listed) - 100:+.1f} %; faults {self.counts}")
        self.say("HELD" if held else "BROKEN")
        if not held:
            raise fleet.Failure("broken")


def main():
    seed = int(sys.argv[1])
    options = dict(argument.split("=", 1) for argument in sys.argv[2:])
    fleet.PLACE = fleet.BUILD / "chaos"
    fleet.LICENCE, fleet.LEASE = LICENCE, LEASE
    fleet.LABS = f"synbox-chaos-{os.getpid()}"
    shutil.rmtree(fleet.PLACE, ignore_errors=True)
    fleet.PLACE.mkdir(parents=True)
    chaos = Chaos(seed, options)
    try:
        chaos.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in chaos.processes.values():
            process.send_signal(signal.SIGCONT)
        chaos.close()


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, fleet.end)
    try:
        main()
    except fleet.Failure as failure:
        sys.exit(f"chaos: {failure}")
