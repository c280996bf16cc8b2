"""Airflow's user interface as a person uses it, in Chromium; each step leaves a screenshot."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.servers import absent

_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS: Final = (
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SIZE: Final = ViewportSize(width=1400, height=1000)
_PATIENCE_SECONDS: Final = 60.0  # for a page of a busy Airflow


@contextmanager
def chromium() -> Iterator[Page]:
    """Open a page of a new Chromium, found on the `PATH`."""
    program = next((program_path for name in _PROGRAMS if (program_path := shutil.which(name))), None)
    if program is None:
        absent(f"no browser is here: PATH has none of {', '.join(_PROGRAMS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            page = browser.new_page(viewport=_SIZE)
            page.set_default_timeout(_PATIENCE_SECONDS * 1000)
            yield page
        finally:
            browser.close()


class AirflowPages:
    """The pages of one Airflow.

    Args:
        page: of the browser.
        url: of Airflow.
        folder: of the screenshots, which are numbered in their order.
    """

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self._page = page
        self._url = url
        self._folder = folder
        self._taken = 0

    def sign_in(self, username: str, password: str) -> None:
        """Sign in at the page that every other one leads to."""
        self._page.goto(f"{self._url}/")
        self._page.get_by_label("Username").fill(username)
        self._page.get_by_label("Password").fill(password)
        self.picture("sign-in")
        self._page.get_by_role("button", name="Sign In").click()
        expect(self._page.get_by_role("link", name="Dags", exact=True)).to_be_visible(timeout=_milli(_PATIENCE_SECONDS))
        self.picture("home")

    def open_dag(self, dag_id: str) -> None:
        """Go to the page of a DAG by way of the list."""
        self._page.get_by_role("link", name="Dags", exact=True).click()
        expect(self._page).to_have_url(re.compile(r"/dags/?(\?.*)?$"))
        self._page.locator(f'a[href$="/dags/{dag_id}"]').first.click()
        expect(self._page).to_have_url(re.compile(rf"/dags/{dag_id}/?$"))
        expect(self._page.get_by_role("heading", name=dag_id)).to_be_visible(timeout=_milli(_PATIENCE_SECONDS))
        self.picture("dag")

    def read_runbook(self) -> str:
        """Open the DAG's documentation, return its text, close it."""
        self._page.get_by_role("button", name="Dag Docs").click()
        dialog = self._page.get_by_role("dialog")
        text = dialog.inner_text()
        self.picture("runbook")
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_be_hidden()
        return text

    def trigger(self, numbers: Mapping[str, int], texts: Mapping[str, str]) -> str:
        """Fill the form of the DAG that is open and start a run; return the run's id.

        Args:
            numbers: of the fields for numbers, by their titles.
            texts: of the fields for texts, by the names of their params.
        """
        self._page.get_by_role("button", name="Trigger Dag").click()
        form = self._page.get_by_role("dialog")
        for title, number in numbers.items():
            form.get_by_role("spinbutton", name=title, exact=True).fill(str(number))
        for name, text in texts.items():  # Airflow ties no label to these
            form.locator(f"[name=element_{name}]").fill(text)
        form.get_by_text("Trials", exact=True).click()  # a field tells its value when it is left
        self.picture("form")
        form.get_by_role("button", name="Trigger", exact=True).click()
        expect(self._page).to_have_url(re.compile(r"/runs/[^/]+$"), timeout=_milli(_PATIENCE_SECONDS))
        self.picture("started")
        return self._page.url.rpartition("/runs/")[2]

    def wait_for_run(self, run_id: str, state: str, *, seconds: float) -> None:
        """Wait until the page of the run, which is open, shows this state beside its name."""
        heading = self._page.get_by_role("heading", name=run_id)
        expect(heading.locator("xpath=..")).to_contain_text(state, timeout=_milli(seconds))
        self.picture("run-finished")

    def picture(self, name: str) -> None:
        """Take a screenshot."""
        self._taken += 1
        self._page.screenshot(path=self._folder / f"{self._taken}-{name}.png")


def _milli(seconds: float) -> float:
    return seconds * 1000
