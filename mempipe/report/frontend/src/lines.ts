// Lines over a common axis in SVG, with bands for standard deviations; each series can be hidden.

import { frame, linear, type Frame } from "./axes";
import { decimals, fixed, h, measured, svg, table } from "./dom";
import { plot, type Drawn } from "./plot";

type Values = (number | null)[];

export interface Line {
  name: string;
  y: Values;
  /** Standard deviations; null: without. */
  error: Values | null;
}

export interface Lines {
  title: string;
  x: number[];
  xLabel: string;
  yLabel: string;
  lines: Line[];
}

const COLORS = 6;
const FEW = 40; // points up to which each is marked
const CLOSE = 1e-9;

/** A line chart; its numbers are also in a table that can be opened. `source` is put under the caption. */
export function lines(chart: Lines, source: HTMLElement): HTMLElement {
  const { title, x, xLabel, yLabel, lines: series } = inOrder(chart);
  const hidden = new Set<number>();
  const visible = () => series.map((line, number) => ({ line, number })).filter(({ number }) => !hidden.has(number));
  const digits = series.map(({ y }) => decimals(present(y)));
  const xDigits = decimals(x);
  const value = (number: number, k: number) => measured(series[number].y[k], series[number].error?.[k] ?? null, digits[number]);
  const read = (k: number) => [
    h("strong", {}, `${xLabel} ${fixed(x[k], xDigits)}`),
    ...visible().map(({ line, number }) => h("span", { class: style(number) }, swatch(number), `${line.name}: ${value(number, k)}`)),
  ];
  const draw = (width: number) => picture({ title, x, xLabel, yLabel, lines: series }, visible(), width);
  const { elements, redraw } = plot({ name: title, draw, read });
  const toggle = (number: number, button: HTMLElement) => {
    if (!hidden.delete(number)) hidden.add(number);
    button.setAttribute("aria-pressed", String(!hidden.has(number)));
    redraw();
  };
  const legend = series.map((line, number) => {
    const press = (event: Event) => toggle(number, event.currentTarget as HTMLElement);
    return h("button", { type: "button", class: style(number), "aria-pressed": "true", onclick: press }, swatch(number), line.name);
  });
  const rows = x.map((at, k) => [fixed(at, xDigits), ...series.map((_, number) => value(number, k))]);
  return h(
    "figure",
    {},
    h("figcaption", {}, title),
    source,
    series.length > 1 ? h("div", { class: "legend", role: "group", "aria-label": "Lines that are shown" }, legend) : null,
    elements,
    h("details", {}, h("summary", {}, "The same numbers as a table"), table(title, [xLabel, ...series.map(({ name }) => name)], rows)),
  );
}

function inOrder(chart: Lines): Lines {
  const order = chart.x.map((_, k) => k).sort((a, b) => chart.x[a] - chart.x[b] || a - b);
  const sorted = <T>(values: T[]) => order.map((k) => values[k]);
  return {
    ...chart,
    x: sorted(chart.x),
    lines: chart.lines.map(({ name, y, error }) => ({ name, y: sorted(y), error: error && sorted(error) })),
  };
}

function present(values: Values): number[] {
  return values.filter((value) => value !== null);
}

function style(number: number): string {
  return `s${(number % COLORS) + 1}${number >= COLORS ? " dashed" : ""}`;
}

/** A marker; its shape tells the series apart where colors do not. */
function marker(number: number, x: number, y: number, size = 3.5): SVGElement {
  const [s, d] = [size * 0.9, size * 1.3];
  const shapes = [
    () => svg("circle", { class: "dot", cx: x, cy: y, r: size }),
    () => svg("rect", { class: "dot", x: x - s, y: y - s, width: 2 * s, height: 2 * s }),
    () => svg("path", { class: "dot", d: `M${x} ${y - d}l${d} ${2 * s}h${-2 * d}z` }),
    () => svg("path", { class: "dot", d: `M${x} ${y - d}l${d} ${d}l${-d} ${d}l${-d} ${-d}z` }),
  ];
  return shapes[number % shapes.length]();
}

function swatch(number: number): SVGElement {
  const line = svg("path", { class: "line", d: "M0 6h24" });
  return svg("svg", { class: "swatch", width: 24, height: 12, "aria-hidden": "true" }, line, marker(number, 12, 6));
}

function picture(chart: Lines, visible: { line: Line; number: number }[], width: number): Drawn {
  const { x, xLabel, yLabel } = chart;
  const shown = visible.length ? visible.map(({ line }) => line) : chart.lines;
  const [low, high] = extent(shown.flatMap(({ y, error }) => y.flatMap((value, k) => (value === null ? [] : [value - (error?.[k] ?? 0), value + (error?.[k] ?? 0)]))), 0.06);
  const [from, to] = extent(x, 0.02);
  const drawn = frame(width, xLabel, yLabel, linear(low, high, 6), (inner) => linear(from, to, Math.min(10, inner / 56)));
  for (const { line, number } of visible) drawn.picture.append(svg("g", { class: style(number) }, ...parts(drawn, x, line, number)));
  let marked: SVGElement | null = null;
  const mark = (k: number | null) => {
    marked?.remove();
    if (k === null) return;
    const at = drawn.x(x[k]);
    const dots = visible.flatMap(({ line, number }) => {
      const value = line.y[k];
      return value === null ? [] : [svg("g", { class: style(number) }, marker(number, at, drawn.y(value), 5.5))];
    });
    marked = svg("g", {}, svg("line", { class: "guide", x1: at, x2: at, y1: drawn.top - 8, y2: drawn.base }), ...dots);
    drawn.picture.append(marked);
  };
  return { picture: drawn.picture, at: x.map(drawn.x), mark };
}

/** Smallest and largest value with some room around; never an empty range. */
function extent(values: number[], room: number): [number, number] {
  const low = values.reduce((least, value) => Math.min(least, value), values[0] ?? 0);
  const high = values.reduce((most, value) => Math.max(most, value), values[0] ?? 1);
  const alike = high - low <= CLOSE * Math.max(Math.abs(low), Math.abs(high));
  const around = alike ? Math.abs(low) / 10 || 1 : (high - low) * room;
  return [low - around, high + around];
}

/** Band, line and markers of a series; where a value is absent there is a gap. */
function parts(drawn: Frame, x: number[], line: Line, number: number): SVGElement[] {
  const runs: number[][] = [[]];
  line.y.forEach((value, k) => (value === null ? runs.push([]) : runs[runs.length - 1].push(k)));
  const point = (k: number, away = 0) => `${drawn.x(x[k]).toFixed(2)} ${drawn.y(line.y[k]! + away * (line.error?.[k] ?? 0)).toFixed(2)}`;
  const path = (run: number[], away = 0) => run.map((k) => point(k, away)).join("L");
  const found: SVGElement[] = [];
  for (const run of runs.filter(({ length }) => length)) {
    if (line.error && run.length > 1) found.push(svg("path", { class: "band", d: `M${path(run, 1)}L${path([...run].reverse(), -1)}z` }));
    if (line.error && run.length === 1) found.push(svg("path", { class: "line", d: `M${point(run[0], 1)}L${point(run[0], -1)}` }));
    found.push(svg("path", { class: "line", d: `M${path(run)}` }));
  }
  if (x.length > FEW) return found;
  return [...found, ...line.y.flatMap((value, k) => (value === null ? [] : [marker(number, drawn.x(x[k]), drawn.y(value))]))];
}
