"""How long a report keeps somebody waiting, in a headless Chromium (the `chromium` on the PATH)."""

from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.published import chromium

N_OPENED: Final = 7
"""Browsers that open the report anew, each with nothing in a cache."""

_FIRST_VIEW: Final = """
const look = () => requestAnimationFrame(() => {
  const stands = ["h1", ".figures", ".cards .card"].every((part) => document.querySelector(`#main ${part}`));
  if (stands) requestAnimationFrame(() => (globalThis.firstViewAt = performance.now()));
  else look();
});
look();
"""
_ANSWERS: Final = """
async () => {
  const nextTaskAfterPaint = () => new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  }));
  const answers = { updated: [], painted: [] };
  for (const range of document.querySelectorAll("input[type=range]")) {
    const least = Number(range.min);
    for (const step of [12, 3, 8, 0, 15, 1, 6, 10, 2, 0, 19, 5]) {
      range.value = String(least + step * 0.05);
      await nextTaskAfterPaint();
      const begun = performance.now();
      range.dispatchEvent(new Event("input", { bubbles: true }));
      answers.updated.push(performance.now() - begun);
      await nextTaskAfterPaint();
      answers.painted.push(performance.now() - begun);
    }
  }
  return answers;
}
"""


def browse(site: Path) -> dict[str, dict[str, float]]:
    """Open the overview in new browsers, and move both sliders of the pairs; return median and worst of each time.

    Args:
        site: folder of the report, opened as a file.

    Returns:
        `first_view_seconds`: from the start of the navigation to the second animation frame after heading, numbers and
        the most memorized examples are in the page (its sheets of images may come later);
        `slider_updated_ms`: from a slider's `input` event until count and list are new in the page;
        `slider_painted_ms`: from the same until the next frame was painted, which waits up to 17 ms for its turn.
    """
    page_of = (site / "index.html").resolve().as_uri()
    opened: list[float] = []
    for _ in range(N_OPENED):
        with chromium() as page:
            page.add_init_script(_FIRST_VIEW)
            page.goto(page_of)
            page.wait_for_function("globalThis.firstViewAt !== undefined")
            opened.append(page.evaluate("firstViewAt") / 1000)
    with chromium() as page:
        page.goto(f"{page_of}#/pairs")
        page.locator("ol.pairs li").first.wait_for()
        answers: dict[str, list[float]] = page.evaluate(_ANSWERS)
    return {
        "first_view_seconds": _summary(opened, 2),
        "slider_updated_ms": _summary(answers["updated"], 1),
        "slider_painted_ms": _summary(answers["painted"], 1),
    }


def _summary(values: list[float], digits: int) -> dict[str, float]:
    return {"median": round(median(values), digits), "worst": round(max(values), digits), "n": len(values)}
