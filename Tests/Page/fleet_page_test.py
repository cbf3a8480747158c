"""The page of a fleet's collector in a headless Chromium. The documents are recorded from a real fleet; some numbers are others,
so that everything that the page can show is there."""

import contextlib
import copy
import http.server
import json
import pathlib
import re
import subprocess
import sys
import threading
import unittest

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import browser, colours, picture, size, wait
from layout_test import AXE, WIDE
from page_case import number, texts
from stand_in import policy
from stand_in_box import fixture

PAGE = pathlib.Path(__file__).resolve().parents[2] / "Sources/ManagePage/fleet.html"


def documents():
    """A fleet with a scan half way, a merged one, and a box that is silent."""
    recorded = fixture("fleet")
    fleet, summary = copy.deepcopy(recorded["fleet"]), copy.deepcopy(recorded["summary"])
    complete, active = fleet["scans"][0], copy.deepcopy(fleet["scans"][0])
    complete |= {"name": "inventory, Sunday", "scan": summary["scan"]}
    active |= {"name": "inventory, Monday", "scan": "ab" * 32, "state": "active", "shards": 512, "accepted": 300, "assigned": 6, "failed": 2,
               "runs": "a290w3o10a10w3f2o194", "targets_total": "33554432", "targets_done": "19660800", "targets_denied": "12288", "rows": "401212",
               "rate_pps": 120000, "problems": ["2 shards have failed: look at the boxes' problems, then retry them"]}  # fmt: skip
    fleet["scans"] = [complete, active]
    fleet |= {"budget_pps": 120000, "granted_pps": 110000}
    for box, rate in zip(fleet["boxes"], (39_000, 40_100, 0)):
        box |= {"rate_pps": rate, "granted_pps": 40_000}
    fleet["boxes"][2] |= {"state": "silent", "heard_seconds_ago": 74, "delivered_seconds_ago": 90, "shards": 0, "granted_pps": 0,
                          "problems": ["<b>the disk</b> is 97 % full"]}  # fmt: skip
    summary |= {"replies_unprobed_target": 7, "replies_received": 8199 + 3, "replies_valid": 8199, "duplicates": 12, "events_lost": 0}
    summary |= {"replies_reported": 8192, "results_written": 8180}
    return fleet, summary


class Collector(http.server.ThreadingHTTPServer):
    def __init__(self):
        self.fleet, self.summary = documents()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = PAGE.read_bytes()
        known = {"/": ("text/html; charset=utf-8", page), "/v1/fleet": ("application/json", json.dumps(self.server.fleet).encode()),
                 f"/v1/scans/{self.server.summary['scan']}/summary": ("application/json", json.dumps(self.server.summary).encode())}  # fmt: skip
        kind, body = known.get(self.path, ("text/plain", b"not found\n"))
        self.send_response(200 if self.path in known else 404)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", policy(page))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


class FleetPageTests(unittest.TestCase):
    def setUp(self):
        self.collector = self.enterContext(serving())
        self.driver = self.enterContext(browser())
        self.open()

    def open(self):
        size(self.driver, 1280, 900)
        self.driver.get(self.collector.url)
        wait(self.driver, lambda: len(texts(self.driver, "#scans .scan")) == 2, "the scans are drawn")

    def open_flow(self):
        self.driver.find_element(By.CSS_SELECTOR, "#scans summary").send_keys(Keys.ENTER)
        wait(self.driver, lambda: texts(self.driver, ".ledger"), "the ledger is drawn")

    def test_problems_come_first_and_as_text(self):
        found = texts(self.driver, "#problem-list li")
        self.assertTrue(any("b3 was last heard 74 s ago" in text for text in found), found)
        self.assertIn("box b3: <b>the disk</b> is 97 % full", found)
        self.assertTrue(any("2 shards have failed" in text for text in found), found)
        first = self.driver.execute_script("return document.querySelector('main > section:not([hidden])').id")
        self.assertEqual(first, "problems")

    def test_shards_fill_a_grid(self):
        cells = self.driver.execute_script("return [...document.querySelectorAll('#scans .scan')[0].querySelectorAll('rect')].map(each => each.getAttribute('class'))")
        self.assertEqual({state: cells.count(state) for state in "awof"}, {"a": 300, "w": 6, "o": 204, "f": 2})
        self.assertIn("300 of 512 shards", texts(self.driver, "#scans .scan")[0])

    def test_rates_over_time(self):
        wait(self.driver, lambda: self.driver.execute_script("return document.querySelector('#chart path').getAttribute('d').length > 30"), "several samples")
        self.assertIn("79,100 now, 120,000 permitted", texts(self.driver, "#rate-text")[0])

    def test_packets_add_up_and_what_is_open_stays(self):
        self.open_flow()
        chains = self.driver.execute_script(
            "return [...document.querySelectorAll('.ledger')].map(table => [...table.rows].map(row => [row.className, row.cells[0].innerText, row.cells[1].innerText]))")
        self.assertEqual(len(chains), 2)
        for rows in chains:
            left = None
            for kind, label, value in rows:
                if kind.startswith("stage"):
                    self.assertIn(left, (None, number(value)), label)
                    left = number(value)
                else:
                    left -= number(value)
        samples = texts(self.driver, "#rate-text")[0]
        # Three looks later it is still open, and has the focus.
        wait(self.driver, lambda: number(re.search(r"last (\d+)", texts(self.driver, "#rate-text")[0])[1]) >= number(re.search(r"last (\d+)", samples)[1]) + 3, "three looks")
        self.assertTrue(self.driver.execute_script("return document.querySelector('#scans details').open && document.activeElement.tagName === 'SUMMARY'"))

    def test_a_collector_that_dies_is_a_problem(self):
        self.collector.fleet = None
        wait(self.driver, lambda: any("does not answer" in text for text in texts(self.driver, "#problem-list li")), "the problem")

    def test_everybody_can_use_it(self):
        for scheme in ("light", "dark"):
            colours(self.driver, scheme)
            for width, is_phone in ((1280, False), (360, True)):
                self.open()
                size(self.driver, width, 900, is_phone)
                self.open_flow()
                self.driver.execute_script(AXE.read_text())
                result = self.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
                self.assertEqual([(each["id"], each["nodes"][0]["html"]) for each in result["violations"]], [], f"{scheme} {width}")
                scroll, wide = self.driver.execute_script(WIDE.replace("!element.closest('.vh')", "!element.closest('.scroll')"), width)
                self.assertEqual((scroll <= width, wide), (True, []), f"{scheme} {width}")


def screenshots(directory):
    """Writes fleet-*.png: `make screenshots`."""
    for scheme, width, is_phone in (("light", 1280, False), ("dark", 390, True)):
        with serving() as collector, browser() as driver:
            colours(driver, scheme)
            driver.get(collector.url)
            wait(driver, lambda: driver.execute_script("return document.querySelector('#chart path').getAttribute('d').length > 60"), "samples")
            driver.find_element(By.CSS_SELECTOR, "#scans summary").click()
            wait(driver, lambda: texts(driver, ".ledger"), "the ledger is drawn")
            path = directory / f"fleet-{'phone' if is_phone else 'desktop'}-{scheme}.png"
            picture(driver, path, width, is_phone)
            subprocess.run(["pngquant", "--force", "--ext", ".png", "--skip-if-larger", "--speed", "1", "--nofs", "28", path], check=False)


if __name__ == "__main__":
    screenshots(pathlib.Path(sys.argv[1]))
