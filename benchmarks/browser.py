"""A headless Chromium for the tests of the HTML report: Debian's packages `chromium` and `chromium-driver`."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "about:blank",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

MISSING = "no chromium and chromedriver on the path: apt-get install chromium chromium-driver"


def programs() -> tuple[str, str] | None:
    """Return the paths of browser and driver, or None if one of them is missing."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextlib.contextmanager
def chromium(width: int = 1280, height: int = 900, *, dark: bool = False) -> Iterator[Chrome]:
    """Start a browser with a page of that size in pixels. Raises RuntimeError if none is installed."""
    found = programs()
    if found is None:
        raise RuntimeError(MISSING)
    options = ChromeOptions()
    options.binary_location, driver = found
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = Chrome(options, Service(driver))
        try:
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            browser.get("about:blank")
            requested(browser)
            yield browser
        finally:
            browser.quit()


def console(browser: Chrome) -> list[dict[str, Any]]:
    """Return what pages have written to the console since the last call."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]  # selenium leaves it untyped


def requested(browser: Chrome) -> list[str]:
    """Return the addresses that the browser has requested since the last call."""
    entries = browser.get_log("performance")  # type: ignore[no-untyped-call]  # selenium leaves it untyped
    messages = [json.loads(entry["message"])["message"] for entry in entries]
    return [
        str(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def open_page(browser: Chrome, path: Path) -> None:
    """Show a file."""
    browser.get(path.resolve().as_uri())
