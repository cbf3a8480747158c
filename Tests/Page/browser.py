"""Headless Chromium under selenium."""

import base64
import contextlib

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-prefers-reduced-motion",
    "--disable-background-networking", "--disable-component-update", "--disable-domain-reliability", "--no-first-run", "--disable-sync",
    # The service makes its own certificate.
    "--ignore-certificate-errors",
    # The name that screenshots show.
    "--host-resolver-rules=MAP box-1.example 127.0.0.1",
]


@contextlib.contextmanager
def browser(downloads=None):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if downloads:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads), "download.prompt_for_download": False})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


def wait(driver, condition, what):
    """Returns the first true value; the deadline is for a machine that has much else to do."""
    return WebDriverWait(driver, 120, poll_frequency=0.1).until(lambda _: condition(), what)


def element(driver, identifier):
    return driver.find_element(By.ID, identifier)


def log_in(driver, url, token):
    driver.get(url + "/")
    wait(driver, lambda: element(driver, "token").is_displayed(), "the login form appears")
    element(driver, "token").send_keys(token)
    element(driver, "login-button").click()
    wait(driver, lambda: element(driver, "state").text, "the status appears")


def colours(driver, scheme):
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})


def size(driver, width, height, is_phone=False):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone})


def picture(driver, path, width, is_phone=False):
    """The whole page, however long."""
    size(driver, width, 800, is_phone)
    height = driver.execute_script("return document.documentElement.scrollHeight")
    size(driver, width, height, is_phone)
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
    path.write_bytes(base64.b64decode(shot["data"]))
