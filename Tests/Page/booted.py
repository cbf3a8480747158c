"""booted.py URL TOKEN FILE DIRECTORY: submits a target file on the page of a box that was booted, as a person does, and
follows the job to its end. Writes what the page showed meanwhile to DIRECTORY."""

import pathlib
import sys

from browser import browser, log_in, picture, wait
from page_case import drop, texts


def main(url, token, file, directory):
    with browser() as driver:
        log_in(driver, url, token)
        drop(driver, file)
        wait(driver, lambda: file.name in texts(driver, "#job-name"), f"{file.name} runs")
        seen = set()

        def moves():
            seen.update(int(value or 0) for value in [driver.find_element("id", "job-track").get_attribute("aria-valuenow")])
            return len(seen) >= 3

        wait(driver, moves, "progress moves")
        lines = "return document.querySelectorAll('#chart path.lines').length === 2"
        wait(driver, lambda: driver.execute_script(lines), "the rates are drawn")
        picture(driver, directory / "page-desktop.png", 1280)
        picture(driver, directory / "page-phone.png", 390, is_phone=True)
        wait(driver, lambda: any(row.startswith(file.name) for row in texts(driver, "#finished-rows th")), f"{file.name} ends")
    print(f"progress {', '.join(map(str, sorted(seen)))} %")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]).read_text().strip(), *map(pathlib.Path, sys.argv[3:5]))
