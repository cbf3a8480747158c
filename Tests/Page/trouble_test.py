"""What the page says when something is wrong, in a headless Chromium."""

import signal
import unittest

from browser import browser, log_in
from page_case import PageCase, target_file
from stand_in import Server
from stand_in_box import Box


class TroubleTests(PageCase):
    def test_a_lost_connection_is_told_and_mended(self):
        self.log_in()
        self.service.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.service.process.send_signal, signal.SIGCONT)
        self.wait(lambda: "No connection" in self.get("stale").text, "the notice")
        self.assertIn("The numbers below are from", self.get("stale").text)
        self.service.process.send_signal(signal.SIGCONT)
        self.wait(lambda: not self.get("stale").is_displayed(), "the notice goes")

    def test_problems_come_first_with_what_to_do(self):
        self.log_in()
        self.drop(target_file(self.directory, "long.txt", "@ports 80\n@rate 300\n198.19.0.0/16\n"))
        self.wait(lambda: "long.txt" in self.texts("#job-name") and self.get("state").text == "scanning", "it runs")
        self.service.set_link("down")
        self.addCleanup(self.service.set_link, "up")
        self.wait(lambda: self.get("state").text == "paused" and self.get("problems").is_displayed(), "the problem")
        self.assertIn("Check the cable", self.get("problems").text)
        self.assertLess(self.get("problems").location["y"], self.get("submit").location["y"])
        self.assertTrue(self.driver.title.startswith("! "), self.driver.title)
        self.service.set_link("up")
        self.wait(lambda: not self.get("problems").is_displayed() and self.get("state").text == "scanning", "the problem goes")
        self.wait(lambda: self.texts("#chart-pauses li"), "the pause is remembered")
        self.get("job-cancel").click()
        self.get("confirm-yes").click()
        self.finished("long.txt")

    def test_text_of_the_box_is_text(self):
        name = "<img src=x onerror=alert(1)>"
        self.service.put_into_spool(name, "<b>x<b>\n")
        self.log_in()
        self.wait(lambda: any(name in row and "<b>x<b>" in row for row in self.texts("#rejected-list li")), "the name and the reason")
        self.assertEqual(self.markup(self.driver), 0)

    def test_text_of_a_problem_is_text(self):
        # Of the stand-in, because a healthy box has no such problem.
        box = Box()
        box.problems = ["<script>alert(2)</script><b>x</b>"]
        with Server(box) as server, browser() as driver:
            log_in(driver, server.url, "letmein")
            self.assertIn(box.problems[0], driver.find_element("id", "problems").text)
            self.assertEqual(self.markup(driver), 0)

    @staticmethod
    def markup(driver):
        return driver.execute_script("return document.querySelectorAll('#content img, #content script, #content b b, #problems b').length")

    def test_an_ended_session_asks_for_the_token(self):
        before = self.service.tokens.read_text()
        self.addCleanup(self.service.tokens.write_text, before)
        token = self.service.make_token("admin", "leaver")
        self.wait(lambda: self.accepts(token), "the service knows the token")
        log_in(self.driver, self.service.url, token)
        self.service.tokens.write_text(before)
        self.wait(lambda: not self.accepts(token), "the service has read the tokens again")
        self.driver.refresh()
        self.wait(lambda: self.get("token").is_displayed(), "the form")

    def accepts(self, token):
        return self.service.request("GET", "/v1/session", token=token).status == 200

    def test_a_reader_cannot_submit(self):
        self.log_in("read")
        self.assertFalse(self.get("choose").is_displayed())
        self.assertEqual(self.texts("#queue-list button"), [])
        self.assertEqual(self.service.request("PUT", "/v1/spool/a", token=self.service.token("read"), body=b"x").status, 403)


if __name__ == "__main__":
    unittest.main()
