"""Whether everybody can use the page: axe-core's rules, light and dark, and phones; in a headless Chromium."""

import pathlib
import unittest

import axe_playwright_python

from browser import browser, colours, size
from page_case import PageCase, target_file

# That package is taken for axe-core alone, which it holds in a current version.
AXE = pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js"
# What reaches over the right edge of the viewport, and how far. What is clipped on purpose (vh) does not.
WIDE = """
const width = arguments[0], found = [];
function look(box, element, what) {
  if (box.width && box.right > width + 0.5 && !element.closest('.vh')) found.push(`${what} to ${box.right}: ${element.textContent.trim().slice(0, 60)}`);
}
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode;
  if (node.nodeType === Node.ELEMENT_NODE) {
    look(node.getBoundingClientRect(), node, `${node.tagName} #${node.id} .${node.getAttribute('class')}`);
    continue;
  }
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const box of range.getClientRects()) look(box, node.parentElement, 'text of ' + node.parentElement.tagName);
}
return [document.documentElement.scrollWidth, found.slice(0, 20)];
"""
# As long as a name and a directory entry can be, in one word: nowhere may a line break but anywhere.
LONG_NAME = "w" * 196 + ".txt"
LONG_ENTRY = "m" * 250 + ".txt"


class LayoutTests(PageCase):
    def test_no_violations_of_accessibility(self):
        for scheme in ("light", "dark"):
            with self.subTest(scheme), browser() as self.driver:
                colours(self.driver, scheme)
                size(self.driver, 1280, 900)
                self.driver.get(self.service.url + "/")
                self.wait(lambda: self.get("token").is_displayed(), "the form")
                self.check_accessibility("the login form")
                self.log_in()
                self.run_job(f"{scheme}.txt")
                self.check_accessibility("a running job")
                self.get("job-cancel").click()
                self.check_accessibility("the question")
                self.get("confirm-yes").click()
                self.show_numbers(f"{scheme}.txt")
                self.check_accessibility("a finished job")
                size(self.driver, 390, 844, True)
                self.check_accessibility("a phone")

    def test_a_phone_shows_everything_whatever_the_names(self):
        size(self.driver, 360, 780, True)
        self.driver.get(self.service.url + "/")
        self.wait(lambda: self.get("token").is_displayed(), "the form")
        self.check_widths("the login form")
        self.log_in()
        self.wait(lambda: self.texts("#box-nic dd"), "everything is drawn")
        self.check_widths("an idle box")
        self.service.put_into_spool(LONG_ENTRY, "198.19.0.0/24\n")
        self.run_job(LONG_NAME)
        self.drop(target_file(self.directory, LONG_NAME, "@ports 80\n198.19.0.0/24\n"))
        self.wait(lambda: any("Submit as" in row for row in self.texts("#uploads button")), "another name is proposed")
        self.service.put_into_spool("q" + LONG_NAME[1:], "@ports 80\n198.19.0.0/24\n")
        self.service.put_into_spool("r" + LONG_NAME[1:], "198.19.0.0/24\n" + "s" * 400 + "\n")
        self.wait(lambda: self.texts("#queue-list li"), "a job waits")
        self.wait(lambda: any("sss" in row and "column" in row for row in self.texts("#rejected-list li")), "a long reason")
        self.check_widths("a running job")
        self.service.set_link("down")
        self.addCleanup(self.service.set_link, "up")
        self.wait(lambda: self.texts("#problem-list li") and self.texts("#chart-pauses li"), "a problem")
        self.check_widths("a problem")
        self.service.set_link("up")
        self.wait(lambda: not self.get("problems").is_displayed(), "the problem goes")
        self.driver.execute_script("document.getElementById('job-cancel').click()")
        self.check_widths("the question")
        self.get("confirm-yes").click()
        self.show_numbers(LONG_NAME)
        self.check_widths("a finished job")

    def run_job(self, name):
        """Brings much onto the page: a job with all its details, refused and rejected files, the form."""
        self.drop(target_file(self.directory, name, "@rate 300\n@ports 80\n198.19.0.0/16\n"))
        self.drop(target_file(self.directory, "b" + name[1:], "198.19.1.0/33\n"))
        self.service.put_into_spool(f"worse-{name}"[:200], "198.19.0.0/24\n198.19.1.0/33\n")
        self.wait(lambda: name in self.texts("#job-name") and self.texts("#uploads .refused") and self.texts("#chart svg"), "it runs")
        self.get("write").click()
        self.driver.execute_script("document.getElementById('chart-details').open = true")
        self.wait(lambda: self.texts("#chart-table td"), "the rates as a table")

    def show_numbers(self, name):
        self.finished(name)
        self.driver.execute_script("document.querySelector('#finished-rows button[aria-expanded]').click()")
        self.wait(lambda: self.texts("td.more .ledger") and self.texts("#rejected-list li"), "the numbers")

    def check_accessibility(self, what):
        self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script("const done = arguments[0]; axe.run().then(done, error => done({ error: String(error) }))")
        self.assertGreater(len(found["passes"]), 10)
        nodes = [(rule["id"], rule["help"], node["html"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]]
        self.assertEqual(nodes, [], what)

    def check_widths(self, what):
        """On phones and a desktop, because the page is not the same on all of them."""
        for width, is_phone in ((390, True), (700, False), (1100, False), (360, True)):
            size(self.driver, width, 780, is_phone)
            found = self.driver.execute_script(WIDE, width)
            self.assertEqual(found, [width, []], f"{what}, {width} px wide")


if __name__ == "__main__":
    unittest.main()
