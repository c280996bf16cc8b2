// A drawing at the width it has, of which mouse, finger and arrow keys read one position after another.

import { h } from "./dom";

export interface Drawn {
  picture: SVGElement;
  /** Horizontal pixel of each position, in their order. */
  at: number[];
  /** Show which position is read; null: none. */
  mark: (k: number | null) => void;
}

export interface Plot {
  name: string;
  draw: (width: number) => Drawn;
  /** What is said of a position. */
  read: (k: number) => HTMLElement[];
}

const HINT = "Point at the chart, or focus it and press the arrow keys, to read its values.";

/** Returns the drawing, what is read of it below (so that the drawing stays where it is), and how to draw again. */
export function plot({ name, draw, read }: Plot): { elements: HTMLElement[]; redraw: () => void } {
  const readout = h("p", { class: "readout", "aria-hidden": "true" }, HINT);
  const drawing = h("div", {
    class: "chart",
    tabindex: 0,
    role: "slider",
    "aria-label": `${name}; all numbers are in the table below`,
    "aria-valuemin": 0,
    "aria-valuenow": 0,
    "aria-valuetext": "nothing is read yet",
  });
  let width = 0;
  let drawn: Drawn | null = null;
  let chosen: number | null = null;
  const choose = (k: number | null) => {
    chosen = k;
    drawn?.mark(k);
    const parts = k === null ? [] : read(k);
    readout.style.minHeight = `${readout.offsetHeight}px`; // what stands below moves only once
    readout.replaceChildren(...(parts.length ? parts : [HINT]));
    drawing.setAttribute("aria-valuenow", String(k ?? 0));
    drawing.setAttribute("aria-valuetext", parts.length ? parts.map((part) => part.textContent).join(", ") : "nothing is read");
  };
  const redraw = () => {
    if (!width) return;
    drawn = draw(width);
    drawing.replaceChildren(drawn.picture);
    drawing.setAttribute("aria-valuemax", String(Math.max(0, drawn.at.length - 1)));
    choose(chosen === null || chosen >= drawn.at.length ? null : chosen);
  };
  const point = (event: PointerEvent) => {
    if (!drawn?.at.length) return;
    const x = event.clientX - drawing.getBoundingClientRect().left;
    const away = drawn.at.map((at) => Math.abs(at - x));
    const nearest = away.indexOf(Math.min(...away));
    if (nearest !== chosen) choose(nearest);
  };
  const press = (event: KeyboardEvent) => {
    const last = (drawn?.at.length ?? 0) - 1;
    if (last < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const steps: Record<string, number | null> = {
      ArrowRight: chosen === null ? 0 : Math.min(last, chosen + 1),
      ArrowLeft: chosen === null ? last : Math.max(0, chosen - 1),
      Home: 0,
      End: last,
      Escape: null,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    choose(steps[event.key]);
  };
  drawing.addEventListener("pointermove", point);
  drawing.addEventListener("pointerdown", point);
  drawing.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && choose(null));
  drawing.addEventListener("keydown", press);
  drawing.addEventListener("blur", () => choose(null));
  new ResizeObserver(() => {
    if (drawing.clientWidth === width) return;
    width = drawing.clientWidth;
    readout.style.minHeight = "";
    redraw();
  }).observe(drawing);
  return { elements: [drawing, readout], redraw };
}
