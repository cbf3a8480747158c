"""What the tests of the page have in common: a browser, and the real programs that it talks to."""

import pathlib
import re
import tempfile
import unittest

from browser import browser, element, log_in, size, wait
from real_service import RealService


def number(text):
    return int(re.sub(r"[^0-9]", "", text) or 0)


def target_file(directory, name, text):
    path = pathlib.Path(directory) / name
    path.write_text(text)
    return path


def texts(driver, selector):
    # In one step, because the page changes meanwhile.
    return driver.execute_script("return [...document.querySelectorAll(arguments[0])].map(each => each.innerText)", selector)


def drop(driver, path):
    """What the browser does when a file manager's file is dropped."""
    place = driver.execute_script("const element = document.getElementById('submit'); element.scrollIntoView({ block: 'center' });"
                                  "const box = element.getBoundingClientRect(); return [box.x + box.width / 3, box.y + box.height / 2]")
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": place[0], "y": place[1], "data": data})
        if kind == "dragOver":
            assert driver.execute_script("return document.body.classList.contains('dragging')")
    # Back, so that nothing else hides behind the page's head.
    driver.execute_script("scrollTo(0, 0)")


class PageCase(unittest.TestCase):
    """A browser and a directory for each test; one box for all tests of a class."""

    make = RealService

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

    def wait(self, condition, what):
        return wait(self.driver, condition, what)

    def texts(self, selector):
        return texts(self.driver, selector)

    def drop(self, path):
        drop(self.driver, path)

    def submit(self, name, text="@ports 80\n198.19.0.0/18\n"):
        """Starts a job of a second or so."""
        self.drop(target_file(self.directory, name, text))
        self.wait(lambda: any(name in row for row in self.texts("#finished-rows tr") + self.texts("#job-name") + self.texts("#cooling li")), f"{name} runs")

    def finished(self, name):
        self.wait(lambda: any(row.startswith(name) for row in self.texts("#finished-rows th")), f"{name} ends")
