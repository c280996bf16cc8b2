// What stands for an example: its image, else its text, else its number and name. An image is one tile of a sheet as a
// background, so that the browser fetches only the sheets that are looked at.

import { className, columns, meta, names, type Part } from "./data";
import { h } from "./dom";
import { excerpt } from "./texts";

const SMALL = 56;
const LARGE = 168;

export function describe(part: Part, idx: number): string {
  const kind = part === "train" ? "training" : "test";
  return `${kind} example ${idx}, label ${className(columns(part).label[idx])}`;
}

export function thumbnail(part: Part, idx: number, target = SMALL): HTMLElement {
  const images = meta.images;
  if (!images) return meta.texts ? excerpt(part, idx, target === LARGE) : numbered(part, idx);
  const { height, width, columns: across, tiles } = images;
  const slot = columns(part).slot[idx];
  const sheet = images[part][Math.floor(slot / tiles)];
  const tile = slot % tiles;
  const scale = Math.max(1, Math.round(target / Math.max(height, width))); // whole, so that no neighbor shows
  const rows = Math.ceil(sheet.tiles / across);
  const [w, t] = [width * scale, height * scale];
  const style =
    `width:${w}px;height:${t}px;background-image:url("${sheet.file}?${meta.token}");` +
    `background-size:${w * across}px ${t * rows}px;` +
    `background-position:${-w * (tile % across)}px ${-t * Math.floor(tile / across)}px`;
  return h("span", { class: "tile", role: "img", "aria-label": describe(part, idx), style });
}

function numbered(part: Part, idx: number): HTMLElement {
  const name = names[part]?.[idx];
  const label = describe(part, idx) + (name ? `, ${name}` : "");
  return h("span", { class: "tile none", role: "img", "aria-label": label }, `#${idx}`, name ? h("small", {}, name) : null);
}

/** An example on a page of its own: its image and its text. */
export function large(part: Part, idx: number): (HTMLElement | null)[] {
  return [thumbnail(part, idx, LARGE), meta.images && meta.texts ? excerpt(part, idx, true) : null];
}

/** A thumbnail that leads somewhere, with lines of text below. */
export function card(part: Part, idx: number, href: string, ...lines: (string | Node)[]): HTMLElement {
  return h(
    "a",
    { class: "card", href, title: names[part]?.[idx] },
    thumbnail(part, idx),
    lines.map((line, k) => h("span", { class: k ? "line minor" : "line" }, line)),
  );
}
