// Memorization: its histogram, and its distribution in each class.

import { bars, strip } from "../charts";
import { check, choice, chosenClass, classChoice, refill } from "../controls";
import { className, meta, nTrain, train } from "../data";
import { count, counted, h, percent, score, table } from "../dom";
import { address, remember, type Place } from "../router";
import { edges, histogram, quantile } from "../stats";

const ORDERS = { label: "by label", mean: "by mean", share: "by share above the threshold" };

export function memorization(root: HTMLElement, { params }: Place): void {
  let label = chosenClass(params);
  let log = params.get("log") !== "0";
  let order = (params.get("sort") ?? "label") as keyof typeof ORDERS;
  const chart = h("div");
  const classes = h("div");
  const update = () => {
    refill(chart, picture(label, log));
    remember(address("memorization", { class: label, log: log ? null : 0, sort: order === "label" ? null : order }));
  };
  root.append(
    h("h1", {}, "Memorization"),
    h(
      "div",
      { class: "controls" },
      classChoice(label, (value) => ((label = value), update())),
      check("Logarithmic counts", log, (value) => ((log = value), update())),
    ),
    chart,
    h("h2", {}, "By class"),
    h(
      "div",
      { class: "controls" },
      choice("Order", Object.entries(ORDERS) as [keyof typeof ORDERS, string][], order, (value) => {
        order = value;
        refill(classes, byClass(order));
        update();
      }),
    ),
    h("p", { class: "note" }, "The strip shows the range, the middle half and the median of mem on [−0.2, 1]."),
    classes,
  );
  refill(classes, byClass(order));
  update();
}

function values(label: number | null): number[] {
  const chosen: number[] = [];
  for (let i = 0; i < nTrain; i++) {
    if ((label === null || train.label[i] === label) && !Number.isNaN(train.mem[i])) chosen.push(train.mem[i]);
  }
  return chosen;
}

function picture(label: number | null, log: boolean): HTMLElement {
  const mem = values(label);
  const lowest = mem.reduce((low, value) => Math.min(low, value), 0);
  const bins = edges(Math.floor(lowest * 20) / 20, 1);
  const of = label === null ? "all classes" : `class ${className(label)}`;
  return bars({
    title: `Memorization of ${counted(mem.length, "training example")}, ${of}, in bins of 0.05`,
    edges: bins,
    counts: histogram(mem, bins),
    xLabel: "memorization",
    yLabel: "examples",
    log,
  });
}

interface Summary {
  label: number;
  n: number;
  mean: number;
  share: number;
  quartiles: { low: number; q1: number; median: number; q3: number; high: number };
}

let summaries: Summary[] | undefined;

function summarized(): Summary[] {
  const mem: number[][] = meta.classNames.map(() => []);
  for (let i = 0; i < nTrain; i++) if (!Number.isNaN(train.mem[i])) mem[train.label[i]].push(train.mem[i]);
  return mem.map((column, label) => {
    column.sort((a, b) => a - b);
    const at = (q: number) => quantile(column, q);
    return {
      label,
      n: column.length,
      mean: column.reduce((sum, value) => sum + value, 0) / column.length,
      share: column.filter((value) => value >= meta.thresholds.mem).length / column.length,
      quartiles: { low: at(0), q1: at(0.25), median: at(0.5), q3: at(0.75), high: at(1) },
    };
  });
}

function byClass(order: keyof typeof ORDERS): HTMLElement {
  summaries ??= summarized();
  const key = { label: (s: Summary) => s.label, mean: (s: Summary) => -s.mean, share: (s: Summary) => -s.share }[order];
  const rows = [...summaries]
    .sort((a, b) => key(a) - key(b))
    .map((s) => [
      h("a", { href: address("examples", { class: s.label }) }, className(s.label)),
      count(s.n),
      score(s.mean),
      score(s.quartiles.median),
      percent(s.share),
      s.n ? h("span", {}, strip(s.quartiles, Math.min(-0.2, s.quartiles.low), 1)) : "–",
    ]);
  return table("Memorization by class", ["class", "examples", "mean", "median", `mem ≥ ${meta.thresholds.mem}`, "distribution"], rows);
}
