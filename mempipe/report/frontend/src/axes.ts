// Axes and the frame of a chart: ticks at round numbers, labels that fit.

import { count, decimals, fixed, svg } from "./dom";

export const HEIGHT = 280;
const TOP = 36;
const BOTTOM = 44;
const RIGHT = 20;
const DIGIT = 7; // pixels of a digit at the charts' size of text

/** An axis: `part` gives a value's place from 0 to 1. */
export interface Axis {
  ticks: number[];
  text: (value: number) => string;
  part: (value: number) => number;
}

/** Ticks at multiples of 1, 2 or 5 times a power of ten, at most `most` of them. */
export function linear(from: number, to: number, most: number): Axis {
  const rough = (to - from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9)) ?? rough;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const [first, last] = [Math.ceil(from / step - 1e-9), Math.floor(to / step + 1e-9)];
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, k) => Number(((first + k) * step).toFixed(digits))),
    text: (value) => fixed(value, digits),
    part: (value) => (value - from) / (to - from),
  };
}

/** Logarithmic, for counts; 0 is where half of the smallest count is. */
export function logarithmic(counts: number[]): Axis {
  const present = counts.filter((n) => n > 0);
  const highest = Math.max(1, ...present);
  const lowest = Math.min(1, ...present) / 2;
  const exponent = Math.ceil(Math.log10(lowest));
  const n = Math.floor(Math.log10(highest) + 1e-9) - exponent + 1;
  return {
    ticks: Array.from({ length: n }, (_, k) => 10 ** (exponent + k)),
    text: count,
    part: (value) => (value > 0 ? Math.log(value / lowest) / Math.log(highest / lowest) : 0),
  };
}

/** An axis whose ticks are as many of the given values as have room. */
export function through(values: number[], width: number): Axis {
  const digits = decimals(values);
  const [from, to] = [values[0], values[values.length - 1]];
  const longest = Math.max(...values.map((value) => fixed(value, digits).length));
  const every = Math.max(1, Math.ceil(((longest * DIGIT + 8) * values.length) / width));
  return {
    ticks: values.filter((_, k) => k % every === 0),
    text: (value) => fixed(value, digits),
    part: (value) => (value - from) / (to - from),
  };
}

export interface Frame {
  picture: SVGElement;
  x: (value: number) => number;
  y: (value: number) => number;
  top: number;
  base: number;
}

/** An empty chart: grid, axes and labels; the caller draws into `picture`. */
export function frame(width: number, xLabel: string, yLabel: string, y: Axis, xAxis: (width: number) => Axis): Frame {
  const left = 14 + DIGIT * Math.max(4, ...y.ticks.map((tick) => y.text(tick).length));
  const inner = Math.max(1, width - left - RIGHT);
  const x = xAxis(inner);
  const base = HEIGHT - BOTTOM;
  const at = { x: (value: number) => left + inner * x.part(value), y: (value: number) => base - (base - TOP) * y.part(value) };
  const picture = svg("svg", { width, height: HEIGHT, "aria-hidden": "true" });
  for (const tick of y.ticks) {
    picture.append(
      svg("line", { class: "grid", x1: left, x2: width - RIGHT, y1: at.y(tick), y2: at.y(tick) }),
      svg("text", { x: left - 8, y: at.y(tick) + 4, "text-anchor": "end" }, y.text(tick)),
    );
  }
  for (const tick of x.ticks) picture.append(svg("text", { x: at.x(tick), y: base + 18, "text-anchor": "middle" }, x.text(tick)));
  picture.append(
    svg("line", { class: "axis", x1: left, x2: width - RIGHT, y1: base, y2: base }),
    svg("text", { class: "label", x: left + inner / 2, y: HEIGHT - 6, "text-anchor": "middle" }, xLabel),
    svg("text", { class: "label", x: 0, y: 11 }, yLabel),
  );
  return { picture, ...at, top: TOP, base };
}
