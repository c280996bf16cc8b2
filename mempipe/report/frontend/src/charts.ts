// Bar charts in SVG at the width they have, each with the same numbers as a table.

import { count, h, svg, table } from "./dom";

export interface Bars {
  title: string;
  edges: number[];
  counts: number[];
  xLabel: string;
  yLabel: string;
  log?: boolean;
}

const HEIGHT = 280;
const MARGIN = { top: 36, right: 20, bottom: 44, left: 56 };

/** A histogram; its numbers are also in a table that can be opened. */
export function bars(chart: Bars): HTMLElement {
  const drawing = h("div", { class: "chart" });
  let width = 0;
  new ResizeObserver(() => {
    if (drawing.clientWidth === width) return;
    width = drawing.clientWidth;
    drawing.replaceChildren(draw(chart, width));
  }).observe(drawing);
  const rows = chart.counts.map((n, k) => [interval(chart, k), count(n)]);
  return h(
    "figure",
    {},
    h("figcaption", {}, chart.title),
    drawing,
    h("details", {}, h("summary", {}, "The same numbers as a table"), table(chart.title, [chart.xLabel, chart.yLabel], rows)),
  );
}

function interval({ edges, counts }: Bars, k: number): string {
  const text = (value: number) => value.toFixed(2).replace("-", "−");
  return `${text(edges[k])} to ${text(edges[k + 1])}${k === counts.length - 1 ? ", inclusive" : ""}`;
}

function draw(chart: Bars, width: number): SVGElement {
  const { edges, counts, log } = chart;
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const highest = Math.max(1, ...counts);
  const [from, to] = [edges[0], edges[edges.length - 1]];
  const x = (value: number) => MARGIN.left + (inner.width * (value - from)) / (to - from);
  const part = (n: number) => (log ? (n > 0 ? Math.log(n / 0.5) / Math.log(highest / 0.5) : 0) : n / highest);
  const y = (n: number) => MARGIN.top + inner.height * (1 - part(n));
  const picture = svg("svg", { width, height: HEIGHT, role: "img", "aria-label": `${chart.title}; the numbers are in the table below` });
  for (const tick of log ? powers(highest) : ticks(highest)) {
    picture.append(
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, count(tick)),
    );
  }
  const bar = inner.width / counts.length;
  counts.forEach((n, k) => {
    const left = x(edges[k]);
    if (n > 0) {
      const title = svg("title", {}, `${interval(chart, k)}: ${count(n)}`);
      const at = { class: "bar", x: left + 1, y: y(n), width: Math.max(1, bar - 2), height: MARGIN.top + inner.height - y(n) };
      picture.append(svg("rect", at, title));
    }
    if (n > 0 && bar >= 9 * (String(n).length - 0.5)) {
      picture.append(svg("text", { class: "value", x: left + bar / 2, y: y(n) - 5, "text-anchor": "middle" }, count(n)));
    }
  });
  const every = Math.max(1, Math.ceil((edges.length * 36) / inner.width));
  edges.forEach((edge, k) => {
    if (k % every === 0) picture.append(svg("text", { x: x(edge), y: HEIGHT - 26, "text-anchor": "middle" }, edge.toFixed(2).replace("-", "−")));
  });
  const base = MARGIN.top + inner.height;
  picture.append(
    svg("line", { class: "axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: base, y2: base }),
    svg("text", { class: "label", x: MARGIN.left + inner.width / 2, y: HEIGHT - 6, "text-anchor": "middle" }, chart.xLabel),
    svg("text", { class: "label", x: 0, y: 11 }, chart.yLabel + (log ? " (logarithmic)" : "")),
  );
  return picture;
}

function ticks(highest: number): number[] {
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? power);
  return Array.from({ length: Math.floor(highest / step) + 1 }, (_, k) => k * step);
}

function powers(highest: number): number[] {
  return Array.from({ length: Math.floor(Math.log10(highest)) + 1 }, (_, k) => 10 ** k);
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
