// Memorization: its histogram, and its distribution in each class.

import { bars, between, spark } from "../charts";
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
    h("p", { class: "note" }, "The last column: mem from 0 (and below) to 1 in bins of 0.05, logarithmic counts."),
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
    bins: between(bins),
    closed: true,
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
  high: number;
  counts: number[];
}

let summaries: Summary[] | undefined;

function summarized(): Summary[] {
  const mem: number[][] = meta.classNames.map(() => []);
  for (let i = 0; i < nTrain; i++) if (!Number.isNaN(train.mem[i])) mem[train.label[i]].push(train.mem[i]);
  return mem.map((column, label) => {
    column.sort((a, b) => a - b);
    return {
      label,
      n: column.length,
      mean: column.reduce((sum, value) => sum + value, 0) / column.length,
      share: column.filter((value) => value >= meta.thresholds.mem).length / column.length,
      high: quantile(column, 0.99),
      counts: histogram(column.map((value) => Math.max(0, value)), edges(0, 1)),
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
      score(s.high),
      percent(s.share),
      h("span", {}, spark(s.counts)),
    ]);
  const head = ["class", "examples", "mean", "99th percentile", `mem ≥ ${meta.thresholds.mem}`, "distribution"];
  return table("Memorization by class", head, rows);
}
