"""The four states of a box of which docs/page.md shows screenshots."""

import math
import time

from stand_in_box import Box

HOUR = 3600


def past(box, name, sent, answered, ago, rate, owner="ada", why="done", fetched=False):
    """A job that ended some seconds ago."""
    results, seconds = int(sent * answered), sent / rate + 8
    now = time.time() - ago
    box.finish({"name": name, "sent": sent, "results": results, "began": now - seconds, "owner": owner, "content": b"198.18.0.0/15\n"}, now, why)
    box.ended[0]["fetched"] = fetched
    box.totals["probes_completed"] += sent
    box.totals["results"] += results
    box.totals["duplicates"] += sent // 500
    box.totals["replies_valid"] += results + sent // 500
    box.drops["replies_invalid"] += sent // 70_000


def dressed(box):
    """The NIC of a server, in place of the laboratory's pair."""
    box.status.update(interface="scan0", driver="igb", transmit_mode=[f"xdp-zerocopy:{queue}" for queue in range(4)], receive_mode="xdp-native",
                      rst_mode="in-place", checksum_mode="full", source_use="dedicated", version="0.2.0", revision="5f245b1")
    del box.status["mode_reason"]
    box.status["nic"].update(mac="02:00:5e:10:00:01", addresses=["198.18.0.1/24", "198.18.0.2/24"], rx_packets=1_912_044, tx_packets=31_846_112)
    box.started = time.time() - 11 * HOUR
    return box


def running(box, name, total, sent, rate):
    box.running = {"name": name, "total": total, "sent": sent, "results": sent // 40, "began": time.time() - sent / rate, "owner": "ada", "rate": rate,
                   "content": b"198.18.0.0/15\n", "pps": rate, "answered": 1 / 40}
    box.totals["probes_completed"] += sent
    box.totals["results"] += sent // 40
    box.totals["duplicates"] += sent // 900
    box.totals["replies_valid"] += sent // 40 + sent // 900 + sent // 4000
    box.drops["replies_invalid"] += 12


def idle():
    return dressed(Box())


def scanning():
    box = dressed(Box())
    past(box, "eu-north.txt", 4_194_304, .031, 9 * HOUR, 480_000, "grace", fetched=True)
    past(box, "dns-tcp.txt", 524_288, .012, 5 * HOUR, 100_000)
    past(box, "eu-south.txt", 9_961_472, .044, 2 * HOUR, 497_000)
    box.reject("eu-east.txt", 'eu-east.txt:12:14: found "33", expected a prefix length from 0 to 32\n', 3 * HOUR)
    running(box, "eu-west.txt", 67_108_864, 47_700_000, 498_120)
    box.waiting = [{"name": name, "total": 1, "content": b"", "owner": "ada"} for name in ("us-east.txt", "us-west.txt", "nightly-mail.txt")]
    return box


def paused():
    box = scanning()
    box.problems = ["scan0 has no carrier"]
    box.status["nic"]["carrier"] = False
    return box


def finished():
    box = scanning()
    job, box.running, box.waiting = box.running, None, []
    box.finish({**job, "sent": job["total"], "results": job["total"] // 40}, time.time() - 40)
    past(box, "quick-check.txt", 16_384, .5, 25, 10_000, "grace", why="cancelled")
    box.reject("notes.txt", 'notes.txt:1:1: found "remember", expected an address, a prefix, a range or a directive\n', 70)
    return box


def make(name):
    return {"idle": idle, "scanning": scanning, "paused": paused, "finished": finished}[name]()


def history(name):
    """What a page that has been open for 40 minutes has seen, for its session storage."""
    now, samples = time.time() * 1000, []
    for second in range(2400, 0, -1):
        wave = 1 + .012 * math.sin(second / 7) + .008 * math.sin(second / 2.3)
        is_paused = 1500 < second < 1590 or (name == "paused" and second < 130)
        is_idle = name == "finished" and second < 40
        rate = 0 if is_paused or is_idle else round(498_120 * wave)
        why = "the gateway 198.18.0.254 did not answer" if second > 1000 else "scan0 has no carrier"
        samples.append([now - second * 1000, rate, round(rate / 38 * (1 + .05 * math.sin(second / 11))), int(is_paused), why if is_paused else ""])
    return [] if name == "idle" else samples
