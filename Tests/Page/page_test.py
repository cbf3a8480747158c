"""The page in a headless Chromium. SYNBOX_PAGE=stand-in tests it without a box."""

import json
import os
import pathlib
import re
import tempfile
import time
import unittest

import axe_playwright_python
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import browser, colours, element, log_in, size, wait
from service import StandIn, target_file


# That package is taken for axe-core alone, which it holds in a current version.
AXE = pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js"


def make_service():
    if os.environ.get("SYNBOX_PAGE") == "stand-in":
        return StandIn()
    from real_service import RealService

    return RealService()


def number(text):
    return int(re.sub(r"[^0-9]", "", text) or 0)


class PageCase(unittest.TestCase):
    """A browser and a directory; one box for all tests of a class."""

    make = staticmethod(make_service)

    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(cls.make())

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="synbox-page-")))
        self.driver = self.enterContext(browser(self.directory))
        size(self.driver, 1280, 900)

    def log_in(self, role="admin"):
        log_in(self.driver, self.service.url, self.service.token(role))

    def get(self, identifier):
        return element(self.driver, identifier)

    def wait(self, condition, what, seconds=30):
        return wait(self.driver, condition, what, seconds)

    def texts(self, selector):
        # In one step, because the page changes meanwhile.
        return self.driver.execute_script("return [...document.querySelectorAll(arguments[0])].map(each => each.innerText)", selector)

    def drop(self, path):
        """What the browser does when a file manager's file is dropped."""
        place = self.driver.execute_script("const box = document.getElementById('submit').getBoundingClientRect(); return [box.x + box.width / 3, box.y + box.height / 2]")
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": place[0], "y": place[1], "data": data})
            if kind == "dragOver":
                self.assertTrue(self.driver.execute_script("return document.body.classList.contains('dragging')"))

    def submit(self, name, text="198.19.0.0/18\n"):
        """Starts a job of a second or so."""
        self.drop(target_file(self.directory, name, text))
        self.wait(lambda: any(name in row for row in self.texts("#finished-rows tr") + self.texts("#job-name") + self.texts("#cooling li")), f"{name} runs")

    def finished(self, name):
        self.wait(lambda: any(row.startswith(name) for row in self.texts("#finished-rows th")), f"{name} ends", 60)


class PageTests(PageCase):
    def test_log_in_and_out(self):
        self.driver.get(self.service.url + "/")
        self.wait(lambda: self.get("token").is_displayed(), "the form")
        self.get("token").send_keys("not a token")
        self.get("login-button").click()
        self.wait(lambda: self.get("login-wrong").text, "the refusal")
        self.assertFalse(self.get("app").is_displayed())
        self.log_in()
        self.assertEqual(self.driver.execute_script("return document.cookie"), "", "no script can read the session")
        cookie = self.driver.get_cookies()[0]
        self.assertEqual((cookie["httpOnly"], cookie["sameSite"]), (True, "Strict"))
        self.driver.refresh()
        self.wait(lambda: self.get("state").text, "the session outlives a reload")
        self.get("logout").click()
        self.wait(lambda: self.get("token").is_displayed(), "the form")
        self.driver.refresh()
        self.wait(lambda: self.get("token").is_displayed(), "the session has ended")

    def test_drop_progress_and_download(self):
        self.log_in()
        self.submit("dropped.txt", "@ports 80,443\n@rate 10k\n198.19.0.0/18\n")
        seen = set()

        def moves():
            seen.update(int(value or 0) for value in [self.get("job-track").get_attribute("aria-valuenow")])
            return len(seen) >= 3

        self.wait(moves, "progress moves")
        self.wait(lambda: self.driver.execute_script("return document.querySelectorAll('#chart path.lines').length === 2"), "the rates are drawn")
        self.finished("dropped.txt")
        link = self.wait(lambda: self.driver.execute_script("return document.querySelector('a[aria-label=\"Download results.csv of dropped.txt\"]')"), "the link")
        link.click()
        file = self.directory / "dropped.txt.results.csv"
        self.wait(file.exists, "the download")
        self.assertEqual(file.read_bytes(), self.service.result_file("dropped.txt"))
        row = self.wait(lambda: next((row for row in self.texts("#finished-rows tr") if "dropped.txt" in row and "pps" in row), None), "its numbers")
        self.assertIn("32,768", row)
        mark = self.driver.execute_script("return document.querySelector('[aria-label=\"Mark dropped.txt as fetched\"]')")
        mark.click()
        self.wait(lambda: any("dropped.txt" in row and "fetched ✓" in row for row in self.texts("#finished-rows tr")), "it is marked")

    def test_numbers_add_up(self):
        self.log_in()
        self.submit("sums.txt")
        self.finished("sums.txt")
        self.wait(lambda: self.driver.execute_script("const toggle = document.querySelector('button[data-job=\"sums.txt\"]'); toggle?.click(); return toggle"), "the row")
        self.wait(lambda: self.texts("td.more .ledger"), "the numbers of the job")
        ledgers = self.driver.execute_script(
            "return [...document.querySelectorAll('.ledger')].map(table => [...table.querySelectorAll('tr')].map(row => [row.className, row.children[0].innerText, row.children[1].innerText]))")
        self.assertEqual(len(ledgers), 4)
        for rows in ledgers:
            left = None
            for kind, label, value in rows:
                if kind.startswith("stage"):
                    if left is not None:
                        self.assertEqual(left, number(value), label)
                    left = number(value)
                else:
                    left -= number(value)
        self.assertTrue(any(label == "results written" and number(value) > 0 for rows in ledgers for _, label, value in rows))

    def test_mistakes_have_a_place(self):
        self.log_in()
        self.drop(target_file(self.directory, "bad.txt", "198.19.0.0/24\n198.19.1.0/33\n"))
        message = self.wait(lambda: next(iter(self.texts("#uploads .refused")), None), "the refusal")
        self.assertIn("line 2, column 12", message)
        self.assertIn('found "33", expected a prefix length from 0 to 32', message)
        # A file that came through the spool is rejected by the box.
        self.service.put_into_spool("worse.txt", "198.19.0.0/24\n198.19.1.0/33\n")
        self.driver.refresh()
        row = self.wait(lambda: next((row for row in self.texts("#rejected-list li") if "worse.txt" in row and "column" in row), None), "the reason")
        self.assertIn("line 2, column 12", row)

    def test_a_name_in_use(self):
        self.log_in()
        self.submit("twice.txt")
        self.drop(target_file(self.directory, "twice.txt", "198.19.0.0/24\n"))
        self.wait(lambda: self.texts("#uploads .refused"), "the refusal")
        self.driver.find_element(By.XPATH, "//button[text()='Submit as twice-2.txt']").click()
        self.finished("twice-2.txt")

    def test_keyboard_alone(self):
        self.driver.get(self.service.url + "/")
        self.wait(lambda: self.driver.switch_to.active_element.get_attribute("id") == "token", "the field has the focus")
        self.press(self.service.token("admin"), Keys.ENTER)
        self.wait(lambda: self.get("state").text, "the status")
        self.tab_to("write")
        self.press(Keys.ENTER)
        self.wait(lambda: self.driver.switch_to.active_element.get_attribute("id") == "write-name", "the form has the focus")
        ActionChains(self.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
        self.press("typed.txt", Keys.TAB, "@rate 1k\n@ports 80\n198.19.0.0/16", Keys.TAB, Keys.ENTER)
        self.wait(lambda: "typed.txt" in self.texts("#job-name") and self.get("job-cancel").is_displayed(), "it runs")
        self.tab_to("job-cancel")
        self.press(Keys.ENTER)
        self.wait(lambda: self.driver.switch_to.active_element.get_attribute("id") == "confirm-no", "the safe answer has the focus")
        self.press(Keys.TAB, Keys.ENTER)
        self.finished("typed.txt")
        row = next(row for row in self.texts("#finished-rows tr") if "typed.txt" in row)
        self.assertIn("cancelled", row)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, identifier):
        for _ in range(60):
            if self.driver.switch_to.active_element.get_attribute("id") == identifier:
                outline = self.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
                self.assertEqual(outline, "solid", "the focus shows")
                return
            self.press(Keys.TAB)
        self.fail(f"{identifier} cannot be reached with the tab key")

    def test_no_violations_of_accessibility(self):
        for scheme in ("light", "dark"):
            with self.subTest(scheme), browser() as self.driver:
                colours(self.driver, scheme)
                size(self.driver, 1280, 900)
                self.driver.get(self.service.url + "/")
                self.wait(lambda: self.get("token").is_displayed(), "the form")
                self.check_accessibility("the login form")
                self.log_in()
                self.drop(target_file(self.directory, f"{scheme}.txt", "@rate 2k\n@ports 80\n198.19.0.0/17\n"))
                self.drop(target_file(self.directory, f"bad-{scheme}.txt", "198.19.1.0/33\n"))
                self.service.put_into_spool(f"worse-{scheme}.txt", "198.19.0.0/24\n198.19.1.0/33\n")
                self.wait(lambda: f"{scheme}.txt" in self.texts("#job-name") and self.texts("#uploads .refused") and self.texts("#chart svg"), "it runs")
                self.get("write").click()
                self.driver.execute_script("document.getElementById('chart-details').open = true")
                self.check_accessibility("a running job")
                self.get("job-cancel").click()
                self.check_accessibility("the question")
                self.get("confirm-yes").click()
                self.finished(f"{scheme}.txt")
                self.driver.execute_script("document.querySelector('#finished-rows button[aria-expanded]').click()")
                self.wait(lambda: self.texts("td.more .ledger") and self.texts("#rejected-list li"), "the numbers")
                self.check_accessibility("a finished job")
                size(self.driver, 390, 844, True)
                self.check_accessibility("a phone")
                width = self.driver.execute_script("return document.documentElement.scrollWidth")
                self.assertLessEqual(width, 390, "nothing is cut off")

    def check_accessibility(self, what):
        self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script("const done = arguments[0]; axe.run().then(done, error => done({ error: String(error) }))")
        self.assertGreater(len(found["passes"]), 10)
        nodes = [(rule["id"], rule["help"], node["html"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]]
        self.assertEqual(nodes, [], what)

    def test_small_and_alone(self):
        self.log_in()
        time.sleep(3)
        urls = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        self.assertTrue(any(url.endswith("/v1/events") for url in urls))
        for url in urls:
            self.assertTrue(url.startswith((self.service.url + "/", "data:", "blob:", "chrome:")), url)
        documents = [url for url in urls if url.startswith(self.service.url) and "/v1/" not in url and not url.endswith("/login")]
        self.assertEqual(set(documents), {self.service.url + "/"}, "the page is one request")
        size_of_page = self.driver.execute_async_script("const done = arguments[0]; fetch('/').then(answer => answer.arrayBuffer()).then(bytes => done(bytes.byteLength))")
        self.assertLess(size_of_page, 100_000)
        severe = [entry["message"] for entry in self.driver.get_log("browser") if "Content Security Policy" in entry["message"] or "TypeError" in entry["message"]]
        self.assertEqual(severe, [])
        # What is injected does not run.
        self.driver.execute_script("const script = document.createElement('script'); script.textContent = 'window.injected = true'; document.body.append(script)")
        self.assertIsNone(self.driver.execute_script("return window.injected"))

    def test_a_reader_cannot_submit(self):
        self.log_in("read")
        self.assertFalse(self.get("choose").is_displayed())
        self.assertEqual(self.texts("#queue-list button"), [])


class StandInTests(PageCase):
    """What a healthy box does not do."""

    make = StandIn

    def setUp(self):
        super().setUp()
        self.box = self.service.box
        self.box.is_silent, self.box.problems = False, []

    def test_a_lost_connection_is_told_and_mended(self):
        self.log_in()
        self.box.is_silent = True
        self.wait(lambda: "No connection" in self.get("stale").text, "the notice")
        self.assertIn("The numbers below are from", self.get("stale").text)
        self.box.is_silent = False
        self.wait(lambda: not self.get("stale").is_displayed(), "the notice goes")

    def test_problems_come_first_with_what_to_do(self):
        self.box.problems = ["box0 has no carrier"]
        self.log_in()
        self.wait(lambda: self.get("problems").is_displayed(), "the problem")
        self.assertIn("Check the cable", self.get("problems").text)
        self.assertLess(self.get("problems").location["y"], self.get("submit").location["y"])
        self.wait(lambda: self.get("state").text == "paused", "the state")
        self.box.problems = []
        self.wait(lambda: not self.get("problems").is_displayed(), "the problem goes")

    def test_text_of_the_box_is_text(self):
        name = "<img src=x onerror=alert(1)>"
        self.box.reject(name, f"{name}:1:1: found <b>x</b>, expected <i>y</i>")
        self.box.problems = ["<script>alert(2)</script>"]
        self.log_in()
        self.wait(lambda: any(name in row and "<b>x</b>" in row for row in self.texts("#rejected-list li")), "the name")
        self.assertEqual(self.driver.execute_script("return document.querySelectorAll('#content img, #content script, #content b b').length"), 0)
        self.assertIn("<script>alert(2)</script>", self.get("problems").text)

    def test_an_ended_session_asks_for_the_token(self):
        self.log_in()
        self.box.sessions.clear()
        self.box.is_silent = True
        time.sleep(1)
        self.box.is_silent = False
        self.wait(lambda: self.get("token").is_displayed(), "the form")


if __name__ == "__main__":
    unittest.main()
