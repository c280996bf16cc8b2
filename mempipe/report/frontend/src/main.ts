// The page: navigation, and the view that the address names.

import { meta } from "./data";
import { h } from "./dom";
import { place, type Place } from "./router";
import { onePair, testExample, trainExample } from "./views/detail";
import { duplicates } from "./views/duplicates";
import { examples } from "./views/examples";
import { experiments } from "./views/experiments";
import { influence } from "./views/influence";
import { levels } from "./views/levels";
import { memorization } from "./views/memorization";
import { overview } from "./views/overview";
import { pairBrowser } from "./views/pairs";
import { suspects } from "./views/suspects";

const MENU: [view: string, title: string, show: (root: HTMLElement, place: Place) => void][] = [
  ["", "Overview", overview],
  ["memorization", "Memorization", memorization],
  ["examples", "Examples", examples],
  ["levels", "Levels", levels],
];
if (meta.hasPairs) MENU.push(["influence", "Influence", influence], ["pairs", "Pairs", pairBrowser], ["duplicates", "Near duplicates", duplicates]);
MENU.push(["suspects", "Suspects", suspects]);
if (meta.experiments.length) MENU.push(["experiments", "Experiments", experiments]);
const DETAILS: Record<string, (root: HTMLElement, place: Place) => void> = { train: trainExample, test: testExample, pair: onePair };

function show(focus: boolean): void {
  const at = place();
  const entry = MENU.find(([view]) => view === at.view);
  const main = document.getElementById("main")!;
  main.replaceChildren();
  if (!meta.images && !meta.texts && at.view) main.append(h("p", { class: "note" }, meta.imagesNote));
  (entry?.[2] ?? DETAILS[at.view] ?? overview)(main, at);
  document.querySelectorAll<HTMLElement>("#menu a").forEach((link) => {
    if (link.dataset.view === at.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  const heading = main.querySelector("h1");
  document.title = `${heading?.textContent} · ${meta.title}`;
  if (focus && heading) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

document.body.classList.toggle("texts", !meta.images && meta.texts !== null);
document.getElementById("menu")!.append(...MENU.map(([view, title]) => h("a", { href: `#/${view}`, "data-view": view }, title)));
document.querySelector<HTMLAnchorElement>("a.skip")!.addEventListener("click", (event) => {
  event.preventDefault(); // the address belongs to the views
  document.getElementById("main")!.focus();
});
addEventListener("hashchange", () => show(true));
show(false);
