// Pair browser: each training example beside the test examples that it helps, at any thresholds.

import { choice, chosenClass, classChoice, pager, refill, saveButton, slider } from "../controls";
import { className, meta, pairMem, pairs, test, train } from "../data";
import { counted, h, percent, score } from "../dom";
import { address, number, remember, type Place } from "../router";
import { pairStatistics, selectPairs } from "../stats";
import { card } from "../thumbs";

const PAGE = 20;
const SHOWN = 12;
const SORTS = {
  infl: "strongest influence",
  mem: "memorization",
  tests: "number of test examples",
  idx: "training example",
};
type Sort = keyof typeof SORTS;

export function pairBrowser(root: HTMLElement, { params }: Place): void {
  const limits = {
    infl: number(params, "infl", meta.thresholds.infl, meta.floor.infl, 1),
    mem: number(params, "mem", meta.thresholds.mem, meta.floor.mem, 1),
  };
  let label = chosenClass(params);
  let sort: Sort = params.get("sort") && params.get("sort")! in SORTS ? (params.get("sort") as Sort) : "infl";
  let page = number(params, "page", 0, 0, 1e9);
  let chosen: number[] = [];
  const state = h("p", { class: "state", "aria-live": "polite" });
  const list = h("div");
  const update = (to = 0) => {
    chosen = selectPairs(limits, label);
    const found = pairStatistics(chosen);
    state.textContent =
      `${counted(found.nPairs, "pair")}: ${counted(found.nTrain, "training example")} influence ` +
      `${counted(found.nTest, "test example")} (${percent(found.testShare)} of the test set), ` +
      `${found.nTestSingle.toLocaleString("en")} of them influenced by one training example alone.`;
    const groups = grouped(chosen, sort);
    page = Math.min(to, Math.max(0, Math.ceil(groups.length / PAGE) - 1));
    const rows = groups.slice(page * PAGE, (page + 1) * PAGE).map(row);
    refill(list, pager(page, PAGE, groups.length, update), h("ol", { class: "pairs" }, rows));
    remember(address("pairs", { infl: limits.infl, mem: limits.mem, class: label, sort: sort === "infl" ? null : sort, page: page || null }));
  };
  root.append(
    h("h1", {}, "High-influence pairs"),
    h("p", {}, "Each row: a training example, and the test examples that it helps. The training example leads to all its pairs, a test example to the pair."),
    h(
      "div",
      { class: "controls" },
      slider({ label: "Influence at least", min: meta.floor.infl, max: 1, value: limits.infl, onchange: (value) => ((limits.infl = value), update()) }),
      slider({ label: "Memorization at least", min: meta.floor.mem, max: 1, value: limits.mem, onchange: (value) => ((limits.mem = value), update()) }),
      classChoice(label, (value) => ((label = value), update())),
      choice("Sort by", Object.entries(SORTS) as [Sort, string][], sort, (value) => ((sort = value), update())),
      saveButton("pairs.csv", PAIR_COLUMNS, () => chosen.map(pairRow)),
    ),
    state,
    list,
  );
  update(page);
}

export const PAIR_COLUMNS = ["tr_idx", "tt_idx", "label", "tt_label", "infl", "infl_se", "mem"];

export function pairRow(pair: number): number[] {
  const [i, j] = [pairs.tr_idx[pair], pairs.tt_idx[pair]];
  return [i, j, train.label[i], test.label[j], pairs.infl[pair], pairs.infl_se?.[pair] ?? NaN, train.mem[i]];
}

export function pairAddress(pair: number): string {
  return address(`pair/${pairs.tr_idx[pair]}-${pairs.tt_idx[pair]}`);
}

function grouped(chosen: number[], sort: Sort): number[][] {
  const groups = new Map<number, number[]>();
  for (const pair of chosen) {
    const key = pairs.tr_idx[pair];
    const group = groups.get(key);
    if (group) group.push(pair);
    else groups.set(key, [pair]);
  }
  const index = (group: number[]) => pairs.tr_idx[group[0]];
  const orders: Record<Sort, (group: number[]) => number> = {
    infl: (group) => -pairs.infl[group[0]],
    mem: (group) => -pairMem(group[0]),
    tests: (group) => -group.length,
    idx: index,
  };
  return [...groups.values()].sort((a, b) => orders[sort](a) - orders[sort](b) || index(a) - index(b));
}

function row(group: number[]): HTMLElement {
  const i = pairs.tr_idx[group[0]];
  const more = group.length - SHOWN;
  return h(
    "li",
    {},
    card("train", i, address(`train/${i}`), `mem ${score(train.mem[i], train.mem_se?.[i])}`, `#${i} · ${className(train.label[i])}`),
    h("span", { class: "helps", "aria-label": "helps" }, "→"),
    h(
      "div",
      { class: "cards" },
      group.slice(0, SHOWN).map(testCard),
      more > 0 ? h("a", { class: "more", href: address(`train/${i}`) }, `and ${more} more`) : null,
    ),
  );
}

/** The test example of a pair; leads to the pair. */
export function testCard(pair: number): HTMLElement {
  const j = pairs.tt_idx[pair];
  return card("test", j, pairAddress(pair), score(pairs.infl[pair], pairs.infl_se?.[pair]), `test #${j}`);
}
