"""Writes docs/page/*.png: four states of a box, on a desktop and a phone, in light and dark. `make screenshots`"""

import json
import pathlib
import subprocess
import sys
import time

import scenarios
from browser import browser, colours, element, log_in, picture, wait
from stand_in import Server

SHOTS = [
    ("idle", "desktop", "light"), ("idle", "phone", "dark"), ("scanning", "desktop", "light"), ("scanning", "phone", "dark"),
    ("paused", "desktop", "dark"), ("paused", "phone", "light"), ("finished", "desktop", "dark"), ("finished", "phone", "light"),
]
WIDTHS = {"desktop": 1280, "phone": 390}


def main(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for state, device, scheme in SHOTS:
        with Server(scenarios.make(state)) as server, browser() as driver:
            url = server.url.replace("127.0.0.1", "box-1.example")
            colours(driver, scheme)
            driver.get(url + "/")
            driver.execute_script("sessionStorage.setItem('samples', arguments[0])", json.dumps(scenarios.history(state)))
            log_in(driver, url, "letmein")
            if state == "finished":
                toggle = "document.querySelector('#finished-rows button[aria-expanded]')"
                wait(driver, lambda: driver.execute_script(f"return {toggle} !== null"), "a job is listed")
                time.sleep(1)
                if device == "desktop":
                    driver.execute_script(f"{toggle}.click()")
            time.sleep(2.5)
            assert element(driver, "state").text
            driver.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
            path = directory / f"{state}-{device}-{scheme}.png"
            picture(driver, path, WIDTHS[device], device == "phone")
            subprocess.run(["pngquant", "--force", "--ext", ".png", "--skip-if-larger", "--speed", "1", "--nofs", "28", path], check=False)
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
