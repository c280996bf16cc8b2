// One training example, one test example, or one pair: every number that the report has of it.

import { byMemorization, className, columns, hasCounts, heldOut, meta, names, nTest, nTrain, pairs, pairsOf, test, train, type Part } from "../data";
import { count, counted, h, percent, score } from "../dom";
import { address, type Place } from "../router";
import { card, large } from "../thumbs";
import { pairAddress, testCard } from "./pairs";

type Fact = [string, string | Node];

export function trainExample(root: HTMLElement, { argument }: Place): void {
  const i = index(argument, nTrain);
  if (i === null) return missing(root, `training example ${argument}`, nTrain);
  const found = pairsOf("train", i);
  const order = byMemorization(train.label[i]);
  const rank = order.indexOf(i);
  root.append(
    h("h1", {}, `Training example ${i}`),
    h("div", { class: "detail" }, large("train", i), facts(trainFacts(i, rank, order.length))),
    neighbors([
      ["Previous index", i > 0 ? address(`train/${i - 1}`) : null],
      ["Next index", i + 1 < nTrain ? address(`train/${i + 1}`) : null],
      ["More memorized in its class", rank > 0 ? address(`train/${order[rank - 1]}`) : null],
      ["Less memorized in its class", rank + 1 < order.length ? address(`train/${order[rank + 1]}`) : null],
    ]),
    h("h2", {}, `Test examples that it helps: ${known(found.length)}`),
    h("div", { class: "cards" }, found.map(testCard)),
  );
}

export function testExample(root: HTMLElement, { argument }: Place): void {
  const j = index(argument, nTest);
  if (j === null) return missing(root, `test example ${argument}`, nTest);
  const found = pairsOf("test", j);
  const rows: Fact[] = [["Label", className(test.label[j])]];
  if (test.n_correct && meta.nTrials) rows.push(["Accuracy", `${percent(test.n_correct[j] / meta.nTrials)} (${count(test.n_correct[j])} of ${count(meta.nTrials)} models)`]);
  root.append(
    h("h1", {}, `Test example ${j}`),
    h("div", { class: "detail" }, large("test", j), facts([...rows, ...nameFact("test", j)])),
    neighbors([
      ["Previous index", j > 0 ? address(`test/${j - 1}`) : null],
      ["Next index", j + 1 < nTest ? address(`test/${j + 1}`) : null],
    ]),
    h("h2", {}, `Training examples that help it: ${known(found.length)}`),
    h(
      "div",
      { class: "cards" },
      found.map((pair) => {
        const i = pairs.tr_idx[pair];
        return card("train", i, pairAddress(pair), score(pairs.infl[pair], pairs.infl_se?.[pair]), `train #${i}`);
      }),
    ),
  );
}

export function onePair(root: HTMLElement, { argument }: Place): void {
  const [left = "", right = ""] = argument.split("-");
  const [i, j] = [index(left, nTrain), index(right, nTest)];
  const pair = i === null || j === null ? undefined : pairsOf("train", i).find((p) => pairs.tt_idx[p] === j);
  if (i === null || j === null || pair === undefined) {
    root.append(
      h("h1", {}, "This pair is not in the report"),
      h("p", {}, meta.hasPairs ? `The report holds the pairs ${above()}. ${argument} is none of them.` : "The report holds no pairs: they are unknown."),
      meta.hasPairs ? h("p", {}, h("a", { href: address("pairs") }, "All pairs")) : "",
    );
    return;
  }
  const rows: Fact[] = [];
  if (pairs.correct_in) {
    rows.push(["Test example right, training example seen", `${count(pairs.correct_in[pair])} of ${count(train.n_in[i])} models`]);
    rows.push(["Test example right, not seen", `${count(pairs.correct_out[pair])} of ${count(train.n_out[i])} models`]);
  }
  if (pairs.pixels) rows.push(["Pixel difference", `${pairs.pixels[pair].toFixed(3)} (root mean square; 0 is equal)`]);
  root.append(
    h("h1", {}, `Training example ${i} and test example ${j}`),
    h("p", { class: "lead" }, "Influence ", h("strong", {}, score(pairs.infl[pair], pairs.infl_se?.[pair]))),
    h("div", { class: "couple" }, half("train", i), half("test", j)),
    rows.length ? h("h2", {}, "The pair") : "",
    facts(rows),
  );
}

function half(part: Part, idx: number): HTMLElement {
  const rows = part === "train" ? trainFacts(idx) : [["Label", className(test.label[idx])] as Fact, ...nameFact("test", idx)];
  const href = address(`${part}/${idx}`);
  return h("section", {}, h("h2", {}, h("a", { href }, `${part === "train" ? "Training" : "Test"} example ${idx}`)), large(part, idx), facts(rows));
}

function trainFacts(i: number, rank?: number, of?: number): Fact[] {
  const rows: Fact[] = [
    ["Label", h("a", { href: address("examples", { class: train.label[i] }) }, className(train.label[i]))],
    ["Memorization", Number.isNaN(train.mem[i]) ? "no score: every trial saw it, or none" : score(train.mem[i], train.mem_se?.[i])],
  ];
  if (hasCounts) {
    rows.push(["Right when seen", `${count(train.correct_in[i])} of ${count(train.n_in[i])} models`]);
    rows.push(["Right when held out", `${count(train.correct_out[i])} of ${count(train.n_out[i])} models (${percent(heldOut(i))}, the C-score)`]);
  }
  if (rank !== undefined) rows.push(["Rank in its class", `${count(rank + 1)} of ${count(of!)} by memorization`]);
  return [...rows, ...nameFact("train", i)];
}

function nameFact(part: Part, idx: number): Fact[] {
  const name = names[part]?.[columns(part).label.length === names[part]?.length ? idx : -1];
  return name ? [["Name", name]] : [];
}

function facts(rows: Fact[]): HTMLElement {
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function neighbors(links: [string, string | null][]): HTMLElement {
  return h("nav", { class: "neighbours", "aria-label": "Other examples" }, links.map(([text, href]) => (href ? h("a", { href }, text) : null)));
}

function known(nPairs: number): string {
  return meta.hasPairs ? `${counted(nPairs, "pair")} ${above()}` : "unknown";
}

function above(): string {
  return `with mem ≥ ${meta.floor.mem} and infl ≥ ${meta.floor.infl}`;
}

function index(text: string, n: number): number | null {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return value < n ? value : null;
}

function missing(root: HTMLElement, what: string, n: number): void {
  root.append(h("h1", {}, `There is no ${what}`), h("p", {}, `Indices go from 0 to ${count(n - 1)}.`));
}
