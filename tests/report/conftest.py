"""A real run on digits of which some training labels were changed, its release, and its report.

It trains until the models fit every label that they see: a wrong label that is not fitted is not memorized."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from mempipe import load_release
from mempipe.catalog.results import result_key
from mempipe.data.sources import digits
from mempipe.experiments.result import Result
from tests.cluster.browser import chromium
from tests.command import mempipe
from tests.report.results import hand_made

PLANTED = (3, 200, 555, 901, 1300)
"""Training examples whose labels were changed: to the next digit."""

SPEC = """
name: planted
data:
  name: npz
  path: {path}
  pixel_max: 16
  class_names: [zero, one, two, three, four, five, six, seven, eight, nine]
model: {{name: mlp, hidden: [64]}}
recipe: {{epochs: 100, batch_size: 64, learning_rate: 0.1}}
trainer: {{kind: ensemble, width: 25}}
subsets: {{design: uniform, ratio: 0.7}}
seed: 5
trials: 50
chunk_size: 50
"""


@dataclass(frozen=True)
class Planted:
    """The run's files."""

    data: Path
    store: Path
    release: Path
    report: Path


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The report of a run of the whole pipeline."""
    folder = tmp_path_factory.mktemp("planted")
    dataset = digits.load(digits.Params())
    labels = dataset.train_labels.copy()
    labels[list(PLANTED)] = (labels[list(PLANTED)] + 1) % 10
    data = folder / "digits.npz"
    np.savez(
        data,
        x_train=dataset.train_images[..., 0],
        y_train=labels,
        x_test=dataset.test_images[..., 0],
        y_test=dataset.test_labels,
    )
    (folder / "spec.yaml").write_text(SPEC.format(path=data))
    store = folder / "store"
    release = Path(mempipe("run", folder / "spec.yaml", "--store", store).stdout.splitlines()[-1])
    page = Path(mempipe("report", store / "releases" / "planted", "--out", folder / "report").stdout.strip())
    return Planted(data, store, release, page.parent)


@dataclass(frozen=True)
class Experimented:
    """A store with results of experiments, and the report of its release.

    Attributes:
        release: whose experiments they are.
        results: the folder of the results' files.
        newest: the results that the report shows, in its order.
        older: a result that it lists.
        report: its folder.
    """

    release: Path
    results: Path
    newest: tuple[Result, Result]
    older: Result
    report: Path


@pytest.fixture(scope="session")
def experimented(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Experimented:
    """A result with figures of every kind, an older one, and a real one of few models; in a store of their own."""
    folder = tmp_path_factory.mktemp("experimented")
    shutil.copytree(planted.store / "releases", folder / "store" / "releases")
    release = folder / "store" / planted.release.relative_to(planted.store)
    done = mempipe("experiment", "marginal-utility", release, "--repeats", "2", "--thresholds", "[0.5]")
    place = Path(done.stdout.splitlines()[-1])
    example = hand_made(load_release(release))
    older = hand_made(load_release(release), days=-1, params=example.params | {"repeats": 3})
    for result in (example, older):
        (place.parent / result_key(result)).write_bytes(result.to_json())
    page = Path(mempipe("report", release, "--out", folder / "report").stdout.strip())
    real = Result.from_json(place.read_bytes(), source=str(place))
    return Experimented(release, place.parent, (real, example), older, page.parent)


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """One page of Chromium for all tests of a module."""
    with chromium() as page:
        page.set_default_timeout(10_000)
        yield page


def opened(browser: Page, report: Path) -> AbstractContextManager[Page]:
    """A report as a file; see `opened_at`."""
    return opened_at(browser, report.as_uri())


@contextmanager
def opened_at(browser: Page, site: str) -> Iterator[Page]:
    """A report at an address; checks afterwards for console messages and requests to other hosts."""
    messages: list[str] = []
    requests: list[str] = []
    browser.on("console", lambda message: messages.append(message.text))
    browser.on("pageerror", lambda error: messages.append(str(error)))
    browser.on("request", lambda request: requests.append(request.url))
    browser.goto("about:blank")
    browser.goto(f"{site}/index.html")
    yield browser
    assert messages == []
    assert [url for url in requests if not url.startswith((site, "data:", "about:", "blob:"))] == []


def visit(page: Page, report: Path, where: str) -> None:
    """Open a permalink as somebody who got it in a mail."""
    page.goto("about:blank")
    page.goto(f"{(report / 'index.html').as_uri()}#/{where}")
