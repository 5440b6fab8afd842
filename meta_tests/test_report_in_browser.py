"""The HTML report as pytest-html carries it, in headless Chromium: what can be clicked, and that nothing is fetched."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from benchmarks.browser import MISSING, chromium, console, open_page, programs, requested
from benchmarks.processes import pytest_run
from reference import running

DEFECT = "unknown-ignored"
BROKEN = "body.unknown-parameter"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if programs() is None:
        warnings.warn(f"the report was not tested in a browser: {MISSING}", stacklevel=1)
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("reports")
    with running(DEFECT) as server:
        pytest_run("-q", "--budget=quick", f"--base-url={server.url}", f"--results={folder}")
    return folder / "report.html"


@pytest.fixture(scope="module")
def shared(report: Path) -> Iterator[Chrome]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(shared: Chrome, report: Path) -> Iterator[Chrome]:
    """The report, freshly opened; no test may cause an error or a request."""
    open_page(shared, report)
    yield shared
    assert not console(shared)
    address = report.resolve().as_uri()
    assert {url.partition("?")[0].partition("#")[0] for url in requested(shared)} <= {address}


def shown(browser: Chrome) -> list[str]:
    visible = "return [...document.querySelectorAll('.cf-row')].filter(row => row.checkVisibility()).map(row => row.id)"
    return [str(name).removeprefix("cf-") for name in browser.execute_script(visible)]


def one(browser: Chrome, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def row_of(browser: Chrome, slug: str) -> WebElement:
    return browser.find_element(By.ID, f"cf-{slug}")


def wait(browser: Chrome, until: Callable[[Chrome], Any]) -> None:
    WebDriverWait(browser, 10, 0.05).until(until)


def test_it_opens_with_the_verdict_and_without_pytests_own_table(browser: Chrome) -> None:
    assert "does not conform to the stripe profile." in one(browser, "h1.cf-headline").text
    for own in ("#title", "#environment", "#results-table", ".controls", ".run-count"):
        assert not one(browser, own).is_displayed(), own
    assert browser.execute_script("return document.documentElement.lang") == "en"
    assert len(browser.find_elements(By.CSS_SELECTOR, ".cf-bars tbody tr")) > 5
    assert one(browser, ".cf-histogram").is_displayed()


def test_filters_by_outcome_chapter_profile_and_text(browser: Chrome) -> None:
    everything = shown(browser)
    one(browser, '.cf-chip[data-outcome="fail"]').click()
    assert shown(browser) == [BROKEN]
    assert one(browser, ".cf-shown").text == f"1 of {len(everything)} clauses shown"
    one(browser, '.cf-chip[data-outcome="pass"]').click()
    assert {BROKEN, "request.minimal-body"} <= set(shown(browser))
    one(browser, ".cf-filters [type=reset]").click()
    wait(browser, lambda page: shown(page) == everything)
    Select(one(browser, "[name=chapter]")).select_by_visible_text("expand")
    wait(browser, lambda page: {slug.partition(".")[0] for slug in shown(page)} == {"expand"})
    Select(one(browser, "[name=profile]")).select_by_visible_text("stripe")
    wait(browser, lambda page: {row_of(page, slug).get_attribute("data-profile") for slug in shown(page)} == {"stripe"})
    one(browser, ".cf-filters [type=reset]").click()
    one(browser, "[name=text]").send_keys("additionalProperties  BODY.unknown")
    wait(browser, lambda page: BROKEN in shown(page) and len(shown(page)) < 5)
    one(browser, "[name=text]").send_keys(" no such words")
    wait(browser, lambda page: not shown(page) and one(page, ".cf-none").is_displayed())


def test_a_row_among_few_is_open_and_closes_and_opens_and_shows_both_sides(browser: Chrome) -> None:
    row = row_of(browser, BROKEN)
    evidence = row.find_element(By.CSS_SELECTOR, ".cf-exchange")
    assert evidence.is_displayed()
    row.find_element(By.TAG_NAME, "summary").click()
    assert not evidence.is_displayed()
    row.find_element(By.TAG_NAME, "summary").click()
    assert evidence.is_displayed()
    sent, came_back = evidence.find_elements(By.CSS_SELECTOR, ".cf-side")
    assert "POST /v1/payment_methods/" in sent.text
    assert sent.find_element(By.TAG_NAME, "mark").text
    assert "200 OK" in came_back.text
    assert abs(sent.rect["y"] - came_back.rect["y"]) < 2
    assert sent.rect["x"] < came_back.rect["x"]


def test_a_tile_leads_to_its_row_by_keyboard_even_when_filters_hide_it(browser: Chrome) -> None:
    one(browser, '.cf-chip[data-outcome="pass"]').click()
    assert BROKEN not in shown(browser)
    one(browser, f'.cf-tile[href="#cf-{BROKEN}"]').send_keys(Keys.ENTER)
    wait(browser, lambda page: row_of(page, BROKEN).get_attribute("open"))
    assert row_of(browser, BROKEN).is_displayed()
    top = browser.execute_script("return arguments[0].getBoundingClientRect().top", row_of(browser, BROKEN))
    assert 0 <= top < 900


@pytest.mark.parametrize("clipboard", ["there", "refused", "absent"])
def test_the_copy_button_copies_the_command(browser: Chrome, clipboard: str) -> None:
    if clipboard == "there":
        stand_in = (
            "const write = navigator.clipboard.writeText.bind(navigator.clipboard);"
            "navigator.clipboard.writeText = text => { window.copied = text; return write(text); };"
        )
    else:
        refusing = "{writeText: async () => { throw new Error('no'); }}"
        value = refusing if clipboard == "refused" else "undefined"
        stand_in = (
            f"Object.defineProperty(navigator, 'clipboard', {{value: {value}}});"
            "document.addEventListener('copy', () => { window.copied = document.activeElement.value; });"
        )
    browser.execute_script(stand_in)
    row = row_of(browser, BROKEN)
    button = row.find_element(By.CSS_SELECTOR, ".cf-copy")
    button.click()
    wait(browser, lambda _: button.text == "Copied")
    command = row.find_element(By.CSS_SELECTOR, ".cf-command code").text
    assert command.startswith("attach-conformance replay ")
    assert browser.execute_script("return window.copied") == command
    assert one(browser, "#cf-said").get_attribute("textContent") == "Copied"


def test_all_evidence_opens_and_closes(browser: Chrome) -> None:
    toggle = one(browser, ".cf-toggle")
    toggle.click()
    assert browser.find_elements(By.CSS_SELECTOR, "details.cf-row")
    assert not browser.find_elements(By.CSS_SELECTOR, "details.cf-row:not([open])")
    toggle.click()
    assert not browser.find_elements(By.CSS_SELECTOR, "details.cf-row[open]")


def test_it_fits_a_phone_and_the_dark(report: Path) -> None:
    grounds = []
    for dark in (False, True):
        with chromium(390, 844, dark=dark) as browser:
            open_page(browser, report)
            one(browser, ".cf-toggle").click()
            assert browser.execute_script("return document.documentElement.scrollWidth") == 390
            grounds.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_on_paper_it_is_light_open_and_without_controls(report: Path) -> None:
    with chromium(dark=True) as browser:
        open_page(browser, report)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert not one(browser, ".cf-filters").is_displayed()
        assert (
            browser.execute_script("return getComputedStyle(document.querySelector('.cf')).color") == "rgb(26, 31, 38)"
        )
        row_of(browser, BROKEN).find_element(By.TAG_NAME, "summary").click()
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        assert row_of(browser, BROKEN).find_element(By.CSS_SELECTOR, ".cf-exchange").is_displayed()
        browser.execute_script("dispatchEvent(new Event('afterprint'))")
        assert row_of(browser, BROKEN).get_attribute("open") is None
