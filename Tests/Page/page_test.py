"""What the page does, in a headless Chromium, with the real service and a box that scans a lab."""

import json
import unittest

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from page_case import PageCase, number, target_file


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

    def test_its_examples_are_target_files(self):
        self.log_in()
        placeholder = self.get("write-text").get_attribute("placeholder")
        for number, example in enumerate([self.texts("#submit-help code")[0], placeholder]):
            # The service checks the file; the addresses of the examples are not this box's, so nothing is scanned.
            answer = self.service.request("PUT", f"/v1/spool/example-{number}.txt", self.service.token("submit"), example.encode() + b"\n")
            self.assertEqual(answer.status, 201, f"{example}: {answer.content}")

    def test_a_name_in_use(self):
        self.log_in()
        self.submit("twice.txt")
        self.drop(target_file(self.directory, "twice.txt", "@ports 80\n198.19.0.0/24\n"))
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

    def test_small_and_alone(self):
        self.log_in()
        urls = []

        def listens():
            for entry in self.driver.get_log("performance"):
                message = json.loads(entry["message"])["message"]
                if message["method"] == "Network.requestWillBeSent":
                    urls.append(message["params"]["request"]["url"])
            return any(url.endswith("/v1/events") for url in urls)

        self.wait(listens, "the page listens to events")
        self.wait(lambda: self.texts("#box-nic dd"), "everything is drawn")
        listens()
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


if __name__ == "__main__":
    unittest.main()
