// Suspected mislabels: right when seen, wrong when held out.

import { check, chosenClass, classChoice, pager, refill, saveButton, slider } from "../controls";
import { byMemorization, className, hasCounts, heldOut, meta, pairs, pairsOf, train } from "../data";
import { count, counted, h, score } from "../dom";
import { address, number, remember, type Place } from "../router";
import { card } from "../thumbs";

const PAGE = 48;

export function suspects(root: HTMLElement, { params }: Place): void {
  const least = Math.max(0, meta.floor.mem); // of less memorized examples the report has no pairs
  let mem = number(params, "mem", Math.max(0.5, least), least, 1);
  let accuracy = number(params, "heldout", 0.1, 0, 1);
  let helpless = meta.hasPairs && params.get("helpless") === "1";
  let label = chosenClass(params);
  let page = number(params, "page", 0, 0, 1e9);
  let chosen: number[] = [];
  const state = h("p", { class: "state", "aria-live": "polite" });
  const list = h("div");
  const update = (to = 0) => {
    chosen = select({ mem, accuracy, helpless, label });
    page = Math.min(to, Math.max(0, Math.ceil(chosen.length / PAGE) - 1));
    const heldOutText = hasCounts ? ` and held-out accuracy ≤ ${accuracy}` : "";
    state.textContent = `${counted(chosen.length, "training example")} with mem ≥ ${mem}${heldOutText}${helpless ? ", in no high-influence pair" : ""}.`;
    refill(list, pager(page, PAGE, chosen.length, update), h("div", { class: "cards wide" }, chosen.slice(page * PAGE, (page + 1) * PAGE).map(suspect)));
    remember(address("suspects", { mem, heldout: hasCounts ? accuracy : null, helpless: helpless ? 1 : null, class: label, page: page || null }));
  };
  root.append(
    h("h1", {}, "Suspected mislabels"),
    h(
      "p",
      { class: "definition" },
      h("strong", {}, "Definition. "),
      hasCounts
        ? "Training examples whose memorization is at least, and whose held-out accuracy is at most, the values below: models that saw the example predict its label, models that did not predict another one. Sorted by memorization, then by held-out accuracy. "
        : "Training examples whose memorization is at least the value below, sorted by it. These files hold no counts, so the held-out accuracy is unknown. ",
      "The list holds wrong labels, ambiguous examples and rare but correct ones; check each by eye. It lacks wrong labels that the models did not fit even when they saw the example.",
    ),
    h(
      "div",
      { class: "controls" },
      slider({ label: "Memorization at least", min: least, max: 1, value: mem, onchange: (value) => ((mem = value), update()) }),
      hasCounts ? slider({ label: "Held-out accuracy at most", min: 0, max: 1, value: accuracy, onchange: (value) => ((accuracy = value), update()) }) : null,
      classChoice(label, (value) => ((label = value), update())),
      meta.hasPairs ? check(`Only those in no pair with infl ≥ ${meta.thresholds.infl}`, helpless, (value) => ((helpless = value), update())) : null,
      saveButton("suspected-mislabels.csv", ["idx", "label", "mem", "mem_se", "heldout_accuracy"], () =>
        chosen.map((i) => [i, train.label[i], train.mem[i], train.mem_se?.[i] ?? NaN, heldOut(i)]),
      ),
    ),
    state,
    list,
  );
  update(page);
}

interface Criteria {
  mem: number;
  accuracy: number;
  helpless: boolean;
  label: number | null;
}

function select({ mem, accuracy, helpless, label }: Criteria): number[] {
  const fits = (i: number) => train.mem[i] >= mem && (!hasCounts || heldOut(i) <= accuracy) && !(helpless && nStrong(i));
  const order = [...byMemorization(label)].filter(fits);
  return hasCounts ? order.sort((a, b) => train.mem[b] - train.mem[a] || heldOut(a) - heldOut(b) || a - b) : order;
}

/** Pairs of a training example at the scores' own influence threshold. */
function nStrong(i: number): number {
  return pairsOf("train", i).filter((pair) => pairs.infl[pair] >= meta.thresholds.infl).length;
}

function suspect(i: number): HTMLElement {
  const counts = hasCounts ? `held out: ${count(train.correct_out[i])} of ${count(train.n_out[i])} right` : "";
  const inPairs = meta.hasPairs ? ` · in ${counted(nStrong(i), "pair")}` : "";
  const lines = [`labeled ${className(train.label[i])}`, `mem ${score(train.mem[i], train.mem_se?.[i])}`, counts, `#${i}${inPairs}`];
  return card("train", i, address(`train/${i}`), ...lines.filter((line) => line));
}
