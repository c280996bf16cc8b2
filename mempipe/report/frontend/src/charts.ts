// Histograms in SVG, each with the same numbers as a table.

import { frame, linear, logarithmic, through } from "./axes";
import { check } from "./controls";
import { count, decimals, fixed, h, svg, table } from "./dom";
import { plot, type Drawn } from "./plot";

export interface Bars {
  title: string;
  /** Left and right edge of each bar, ascending. */
  bins: [left: number, right: number][];
  counts: number[];
  xLabel: string;
  yLabel: string;
  log?: boolean;
  /** Whether the last bar's right edge belongs to it. */
  closed?: boolean;
}

const MANY = 30; // edges, above which round numbers on the axis tell more

/** Bins between neighboring edges. */
export function between(edges: number[]): [number, number][] {
  return edges.slice(1).map((right, k) => [edges[k], right]);
}

/** A histogram; its numbers are also in a table that can be opened. */
export function bars(chart: Bars): HTMLElement {
  return barChart(chart).figure;
}

/** A histogram with a choice of its axis; `source` is put under the caption. */
export function barsWithChoice(chart: Bars, source: HTMLElement): HTMLElement {
  const shown = { ...chart };
  const { figure, redraw } = barChart(shown, source, check("Logarithmic axis", shown.log ?? false, (log) => ((shown.log = log), redraw())));
  return figure;
}

function barChart(chart: Bars, ...below: HTMLElement[]): { figure: HTMLElement; redraw: () => void } {
  const { title, counts, xLabel, yLabel } = chart;
  const read = (k: number) => [h("strong", {}, `${xLabel} ${interval(chart, k)}`), h("span", {}, `${yLabel}: ${count(counts[k])}`)];
  const { elements, redraw } = plot({ name: title, draw: (width) => draw(chart, width), read });
  const rows = counts.map((n, k) => [interval(chart, k), count(n)]);
  const numbers = h("details", {}, h("summary", {}, "The same numbers as a table"), table(title, [xLabel, yLabel], rows));
  return { figure: h("figure", {}, h("figcaption", {}, title), below, elements, numbers), redraw };
}

function interval({ bins, closed }: Bars, k: number): string {
  const digits = decimals(bins.flat());
  return `${fixed(bins[k][0], digits)} to ${fixed(bins[k][1], digits)}${closed && k === bins.length - 1 ? ", inclusive" : ""}`;
}

function draw({ bins, counts, xLabel, yLabel, log }: Bars, width: number): Drawn {
  const y = log ? logarithmic(counts) : linear(0, Math.max(1, ...counts), 5);
  const edges = [...new Set(bins.flat())].sort((a, b) => a - b);
  const shown = frame(width, xLabel, yLabel + (log ? " (logarithmic)" : ""), y, (inner) =>
    edges.length > MANY ? linear(edges[0], edges[edges.length - 1], Math.min(10, inner / 56)) : through(edges, inner),
  );
  const rects = counts.map((n, k) => {
    const [left, right] = bins[k].map(shown.x);
    const top = shown.y(n);
    const at = { x: left + 1, y: top, width: Math.max(1, right - left - 2), height: shown.base - top };
    const rect = svg("rect", { class: "bar", ...at });
    if (n > 0) shown.picture.append(rect);
    if (n > 0 && right - left >= Math.max(12, 7 * count(n).length + 3)) {
      shown.picture.append(svg("text", { class: "value", x: (left + right) / 2, y: top - 5, "text-anchor": "middle" }, count(n)));
    }
    return rect;
  });
  return {
    picture: shown.picture,
    at: bins.map(([left, right]) => (shown.x(left) + shown.x(right)) / 2),
    mark: (k) => rects.forEach((rect, at) => rect.classList.toggle("read", at === k)),
  };
}

/** A small histogram with logarithmic counts, for a table's cell; the cells beside it say numbers. */
export function spark(counts: number[]): SVGElement {
  const [width, height] = [200, 30];
  const highest = Math.max(1, ...counts);
  const bar = width / counts.length;
  const picture = svg("svg", { width, height, "aria-hidden": "true", class: "spark" });
  counts.forEach((n, k) => {
    if (n === 0) return;
    const tall = Math.max(2, ((height - 1) * Math.log(n / 0.5)) / Math.log(highest / 0.5));
    picture.append(svg("rect", { class: "bar", x: k * bar, y: height - 1 - tall, width: bar - 1, height: tall }));
  });
  picture.append(svg("line", { class: "axis", x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }));
  return picture;
}
