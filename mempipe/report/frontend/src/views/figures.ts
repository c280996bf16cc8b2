// The four kinds of figures that a result may have, each drawn from a table of the result.

import { barsWithChoice } from "../charts";
import { className, pairs, pairsOf, train } from "../data";
import { counted, h, score } from "../dom";
import type { BarsFigure, Cell, ExamplesFigure, Figure, LinesFigure, PairsFigure, Table } from "../experiments";
import { lines } from "../lines";
import { address } from "../router";
import { card } from "../thumbs";

const SHOWN = 48; // of a group, before more are asked for
const SHOWN_TESTS = 12;

/** A figure of a result; `source` leads to its table's file. */
export function drawn(figure: Figure, table: Table, source: HTMLElement): HTMLElement {
  switch (figure.kind) {
    case "lines":
      return lineFigure(figure, table, source);
    case "bars":
      return barFigure(figure, table, source);
    case "examples":
      return exampleFigure(figure, table, source);
    case "pairs":
      return pairFigure(figure, table, source);
  }
}

function values<T extends Cell>(table: Table, column: string): T[] {
  return table.columns[column].values as T[];
}

function lineFigure(figure: LinesFigure, table: Table, source: HTMLElement): HTMLElement {
  const series = figure.series.map(({ name, y, error }) => ({
    name,
    y: values<number | null>(table, y),
    error: error === null ? null : values<number | null>(table, error),
  }));
  const x = values<number>(table, figure.x);
  return lines({ title: figure.title, x, xLabel: figure.x_label, yLabel: figure.y_label, lines: series }, source);
}

function barFigure(figure: BarsFigure, table: Table, source: HTMLElement): HTMLElement {
  const counts = values<number>(table, figure.count);
  const right = values<number>(table, figure.right);
  const order = counts.map((_, k) => k).sort((a, b) => right[a] - right[b]);
  const left = values<number>(table, figure.left);
  const chart = {
    title: figure.title,
    bins: order.map((k): [number, number] => [left[k], right[k]]),
    counts: order.map((k) => counts[k]),
    xLabel: figure.x_label,
    yLabel: figure.y_label,
    log: figure.log,
  };
  return barsWithChoice(chart, source);
}

/** Rows of a table in groups, each in the table's order. */
function grouped(table: Table): [name: string, rows: number[]][] {
  const groups = new Map<string, number[]>();
  values<string>(table, "group").forEach((name, row) => {
    const rows = groups.get(name);
    if (rows) rows.push(row);
    else groups.set(name, [row]);
  });
  return [...groups];
}

function scoreOf(table: Table, column: string, row: number): string {
  const [value, error] = [column, `${column}_se`].map((name) => (table.columns[name]?.values[row] as number | null | undefined) ?? NaN);
  return score(value, error);
}

function exampleFigure(figure: ExamplesFigure, table: Table, source: HTMLElement): HTMLElement {
  const indices = values<number>(table, "tr_idx");
  const example = (row: number) => {
    const i = indices[row];
    return card("train", i, address(`train/${i}`), scoreOf(table, "mem", row), `#${i} · ${className(train.label[i])}`);
  };
  return imageFigure(figure.title, source, grouped(table), (rows) => some(rows, SHOWN, "example", "cards", example));
}

function pairFigure(figure: PairsFigure, table: Table, source: HTMLElement): HTMLElement {
  const [trains, tests] = [values<number>(table, "tr_idx"), values<number>(table, "tt_idx")];
  const test = (row: number) => {
    const [i, j] = [trains[row], tests[row]];
    const known = pairsOf("train", i).some((pair) => pairs.tt_idx[pair] === j);
    return card("test", j, address(known ? `pair/${i}-${j}` : `test/${j}`), scoreOf(table, "infl", row), `test #${j}`);
  };
  const line = (rows: number[]) => {
    const i = trains[rows[0]];
    return h(
      "li",
      {},
      card("train", i, address(`train/${i}`), `mem ${scoreOf(table, "mem", rows[0])}`, `#${i} · ${className(train.label[i])}`),
      h("span", { class: "helps", "aria-label": "helps" }, "→"),
      some(rows, SHOWN_TESTS, "test", "cards", test),
    );
  };
  const byTrain = (rows: number[]) => {
    const found: number[][] = [];
    for (const row of rows) {
      const last = found[found.length - 1];
      if (last && trains[last[0]] === trains[row]) last.push(row);
      else found.push([row]);
    }
    return found;
  };
  return imageFigure(figure.title, source, grouped(table), (rows) => some(byTrain(rows), SHOWN, "training example", "pairs", line, "ol"));
}

function imageFigure(title: string, source: HTMLElement, groups: [string, number[]][], draw: (rows: number[]) => HTMLElement): HTMLElement {
  const parts = groups.map(([name, rows]) => h("section", {}, name ? h("h4", {}, name) : null, draw(rows)));
  return h("figure", {}, h("figcaption", {}, title), source, parts.length ? parts : h("p", { class: "note" }, "None was found."));
}

/** The first of the items, and a button that shows the others. */
function some<T>(items: T[], most: number, what: string, style: string, draw: (item: T) => HTMLElement, tag = "div"): HTMLElement {
  const list = h(tag, { class: style }, items.slice(0, most).map(draw));
  const rest = items.slice(most);
  if (!rest.length) return list;
  const whole = h("div", {}, list);
  const open = () => {
    const added = rest.map(draw);
    list.append(...added);
    button.remove();
    (added[0].matches("a") ? added[0] : added[0].querySelector("a"))?.focus();
  };
  const button = h("button", { type: "button", onclick: open }, `Show ${counted(rest.length, `more ${what}`)}`);
  whole.append(button);
  return whole;
}
