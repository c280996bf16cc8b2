// Texts of the examples: sheets from script files, each loaded when one of its texts is first shown.

import { columns, meta, type Part } from "./data";
import { h } from "./dom";

const sheets = new Map<string, Promise<string[]>>();

function load(file: string): Promise<string[]> {
  let sheet = sheets.get(file);
  if (!sheet) {
    sheet = new Promise((resolve, reject) => {
      const onload = () => resolve(globalThis.MEMPIPE.sheet!); // comes right after its script ran, before any other runs
      document.head.append(h("script", { src: `${file}?${meta.token}`, onload, onerror: reject }));
    });
    sheets.set(file, sheet);
  }
  return sheet;
}

/** The text of an example, or its beginning; empty until its sheet is there. */
export function excerpt(part: Part, idx: number, whole: boolean): HTMLElement {
  const slot = columns(part).slot[idx];
  const { tiles, [part]: files } = meta.texts!;
  const element = h("span", { class: whole ? "tile text whole" : "tile text", dir: "auto" });
  load(files[Math.floor(slot / tiles)]).then(
    (sheet) => (element.textContent = sheet[slot % tiles] || "(empty text)"),
    () => (element.textContent = `#${idx}: its text could not be loaded`),
  );
  return element;
}
