// Near duplicates: pairs of such high influence that the two examples are nearly always almost the same.

import { check, chosenClass, classChoice, pager, refill, saveButton, slider } from "../controls";
import { className, meta, pairs, train } from "../data";
import { counted, h, score } from "../dom";
import { address, number, remember, type Place } from "../router";
import { selectPairs } from "../stats";
import { thumbnail } from "../thumbs";
import { PAIR_COLUMNS, pairAddress, pairRow } from "./pairs";

const PAGE = 48;
const PAPER = 0.4;

export function duplicates(root: HTMLElement, { params }: Place): void {
  let infl = number(params, "infl", Math.max(PAPER, meta.floor.infl), meta.floor.infl, 1);
  let label = chosenClass(params);
  let alike = params.get("sort") === "pixels";
  let page = number(params, "page", 0, 0, 1e9);
  let chosen: number[] = [];
  const state = h("p", { class: "state", "aria-live": "polite" });
  const list = h("div");
  const update = (to = 0) => {
    chosen = selectPairs({ mem: meta.thresholds.mem, infl }, label);
    if (alike && pairs.pixels) chosen.sort((a, b) => pairs.pixels[a] - pairs.pixels[b]);
    page = Math.min(to, Math.max(0, Math.ceil(chosen.length / PAGE) - 1));
    state.textContent = `${counted(chosen.length, "pair")} with infl ≥ ${infl} and mem ≥ ${meta.thresholds.mem}.`;
    refill(list, pager(page, PAGE, chosen.length, update), h("div", { class: "cards wide" }, chosen.slice(page * PAGE, (page + 1) * PAGE).map(couple)));
    remember(address("duplicates", { infl, class: label, sort: alike ? "pixels" : null, page: page || null }));
  };
  root.append(
    h("h1", {}, "Suspected near duplicates"),
    h(
      "p",
      { class: "definition" },
      h("strong", {}, "Definition. "),
      `Pairs of a training and a test example of one label with mem ≥ ${meta.thresholds.mem} and influence at least the value below. The paper (section 3.4) finds that influence above ${PAPER} is almost always a near duplicate, or an image of the same set of photos.`,
      pairs.pixels ? " The pixel difference is the root mean square over all pixels: 0 for equal images, 1 for black beside white; it selects nothing." : "",
    ),
    h(
      "div",
      { class: "controls" },
      slider({ label: "Influence at least", min: meta.floor.infl, max: 1, value: infl, onchange: (value) => ((infl = value), update()) }),
      classChoice(label, (value) => ((label = value), update())),
      pairs.pixels ? check("Most alike pixels first", alike, (value) => ((alike = value), update())) : null,
      saveButton("near-duplicates.csv", PAIR_COLUMNS, () => chosen.map(pairRow)),
    ),
    state,
    list,
  );
  update(page);
}

function couple(pair: number): HTMLElement {
  const [i, j] = [pairs.tr_idx[pair], pairs.tt_idx[pair]];
  return h(
    "a",
    { class: "card", href: pairAddress(pair) },
    h("span", { class: "row" }, thumbnail("train", i), thumbnail("test", j)),
    h("span", { class: "line" }, score(pairs.infl[pair], pairs.infl_se?.[pair])),
    h("span", { class: "line minor" }, `#${i} → test #${j}`),
    h("span", { class: "line minor" }, className(train.label[i]) + (pairs.pixels ? ` · pixels ${pairs.pixels[pair].toFixed(2)}` : "")),
  );
}
