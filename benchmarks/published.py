"""Collects what docs/results shows of a release: `python -m benchmarks.published RELEASE OUT [--data PATH]`.

Makes the report with its experiments, photographs its figures in a headless Chromium (the `chromium` on the PATH), and
writes OUT/README.md with provenance, each experiment's facts and notes, its pictures, and its tables as CSV.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from mempipe.experiments.result import Result
from mempipe.release.load import Release, load_release
from mempipe.report.build import build_report
from mempipe.report.experiments import find_experiments
from mempipe.steps.progress import LineReporter

LARGEST_TABLE = 200_000
"""Larger tables are in the report only."""
VIEWS = (("examples", "Most memorized examples"), ("pairs", "High-influence pairs"))


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release")
    parser.add_argument("out", type=Path)
    parser.add_argument("--data")
    arguments = parser.parse_args()
    release = load_release(arguments.release)
    results = [experiment.newest for experiment in find_experiments(release, None)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        site = build_report(
            arguments.release,
            Path(folder) / "site",
            data=arguments.data,
            images=True,
            experiments=None,
            reporter=LineReporter(sys.stderr),
        )
        pictures = photograph(site, arguments.out, results)
        for path in sorted((site / "downloads").glob("*.csv")):
            ours = any(path.name.startswith(f"{result.experiment}-") for result in results)
            if ours and path.stat().st_size <= LARGEST_TABLE:
                shutil.copy(path, arguments.out)
    (arguments.out / "README.md").write_text(page(release, results, pictures, arguments.out))


def photograph(site: Path, out: Path, results: list[Result]) -> dict[str, list[tuple[str, str]]]:
    """Return, for each experiment and view, the pictures that were taken: title and file name."""
    pictures: dict[str, list[tuple[str, str]]] = {}
    with chromium() as browser:
        for view, title in VIEWS:
            browser.goto(f"file://{site}/index.html#/{view}")
            browser.wait_for_timeout(1500)
            browser.screenshot(path=out / f"report-{view}.png")
            pictures[f"report-{view}"] = [(title, f"report-{view}.png")]
        for result in results:
            browser.goto("about:blank")
            browser.goto(f"file://{site}/index.html#/experiments/{result.experiment}")
            section = browser.locator("section.experiment", has=browser.locator(f"h2:has-text('{result.title}')"))
            section.wait_for()
            browser.wait_for_timeout(800)
            pictures[result.experiment] = []
            for number, figure in enumerate(section.locator("figure").all(), 1):
                name = f"{result.experiment}-{number}.png"
                figure.scroll_into_view_if_needed()
                browser.wait_for_timeout(200)
                figure.screenshot(path=out / name)
                pictures[result.experiment].append((figure.locator("figcaption").first.inner_text(), name))
    return pictures


@contextmanager
def chromium() -> Iterator[Page]:
    """Open a page of the installed Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield browser.new_page(viewport={"width": 1000, "height": 800})
        finally:
            browser.close()


def page(release: Release, results: list[Result], pictures: dict[str, list[tuple[str, str]]], out: Path) -> str:
    """Return the folder's README."""
    manifest = release.manifest
    accuracies, counts = manifest.accuracies, manifest.pairs
    lines = [
        f"# {manifest.name}",
        f"Release `{manifest.id}`: {manifest.n_trials:,} models, {manifest.n_train:,} training and "
        f"{manifest.n_test:,} test examples of {manifest.data.name} (`{str(manifest.data.fingerprint)[:16]}…`), "
        f"{manifest.subsets.design} subsets of ratio {manifest.subsets.ratio}, seed {manifest.subsets.seed}, "
        f"content digest `{manifest.content_digest[:16]}…`.",
        "",
        f"Mean accuracy {accuracies.train_seen:.2%} on seen, {accuracies.train_held_out:.2%} on held-out training "
        f"examples, {accuracies.test:.2%} on test examples. {int((release.mem >= manifest.thresholds.mem).sum()):,} "
        f"examples have mem ≥ {manifest.thresholds.mem:g}; {counts.n_pairs:,} high-influence pairs.",
        "",
    ]
    for view, _ in VIEWS:
        lines += [f"![{title}]({name})" for title, name in pictures[f"report-{view}"]]
    for result in results:
        lines += ["", f"## {result.title}", f"{result.paper}. Parameters: {parameters(result)}.", ""]
        lines += [f"- {fact.name}: {fact.value}." for fact in result.findings.facts]
        lines += [""] + [f"![{title}]({name})" for title, name in pictures[result.experiment]]
        tables = [path.name for path in sorted(out.glob(f"{result.experiment}-*.csv"))]
        if tables:
            lines += ["", "Tables: " + ", ".join(f"[{name}]({name})" for name in tables) + "."]
        if result.runs:
            runs = ", ".join(f"{run.role}: {run.trials} of `{run.run_key[:12]}`" for run in result.runs)
            lines += ["", f"Models trained for it (seed {result.runs[0].seed}): {runs}."]
        others = [
            f"`{other}` ({result.subsets[other].design} subsets, seed {result.subsets[other].seed})"
            for other in result.other_releases
        ]
        if others:
            lines += ["", f"Compared with {', '.join(others)}."]
        lines += ["", *(f"- {note}" for note in result.findings.notes)]
    return "\n".join(lines) + "\n"


def parameters(result: Result) -> str:
    """Return the parameters in words."""
    return ", ".join(
        f"`{key}` {(', '.join(map(str, value)) or 'none') if isinstance(value, list) else value}"
        for key, value in result.params.items()
    )


if __name__ == "__main__":
    main()
