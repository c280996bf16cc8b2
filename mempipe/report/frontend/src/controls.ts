// Controls: sliders with a number field, choices, pages. Each tells its change and keeps no other state.

import { meta } from "./data";
import { count, h } from "./dom";

interface Slider {
  label: string;
  min: number;
  max: number;
  value: number;
  onchange: (value: number) => void;
}

let serial = 0;

export function slider({ label, min, max, value, onchange }: Slider): HTMLElement {
  const id = `slider-${++serial}`;
  const shared = { min, max, step: 0.01, value };
  const range = h("input", { type: "range", id, ...shared }) as HTMLInputElement;
  const exact = h("input", { type: "number", "aria-label": `${label}, exactly`, ...shared, step: "any" }) as HTMLInputElement;
  range.addEventListener("input", () => {
    exact.value = range.value;
    onchange(Number(range.value));
  });
  exact.addEventListener("input", () => {
    const typed = exact.valueAsNumber;
    if (!(typed >= min && typed <= max)) return;
    range.value = exact.value;
    onchange(typed);
  });
  return h("div", { class: "control slider" }, h("label", { for: id }, label), range, exact);
}

export function choice<T extends string>(
  label: string,
  options: [value: T, text: string][],
  value: T,
  onchange: (value: T) => void,
): HTMLElement {
  const id = `choice-${++serial}`;
  const select = h(
    "select",
    { id, onchange: () => onchange(select.value as T) },
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)),
  ) as HTMLSelectElement;
  return h("div", { class: "control" }, h("label", { for: id }, label), select);
}

export function check(label: string, value: boolean, onchange: (value: boolean) => void): HTMLElement {
  const box = h("input", { type: "checkbox", checked: value, onchange: () => onchange(box.checked) }) as HTMLInputElement;
  return h("label", { class: "control check" }, box, label);
}

export function classChoice(value: number | null, onchange: (label: number | null) => void, label = "Class"): HTMLElement {
  const options: [string, string][] = [["", "all classes"], ...meta.classNames.map((name, k): [string, string] => [String(k), name])];
  return choice(label, options, value === null ? "" : String(value), (key) => onchange(key === "" ? null : Number(key)));
}

export function chosenClass(params: URLSearchParams): number | null {
  const label = Number(params.get("class") || NaN);
  return Number.isInteger(label) && label >= 0 && label < meta.classNames.length ? label : null;
}

/** Previous and next page of a list of `total` items. */
export function pager(page: number, size: number, total: number, onpage: (page: number) => void): HTMLElement | null {
  const last = Math.ceil(total / size) - 1;
  if (last <= 0) return null;
  const button = (text: string, to: number) =>
    h("button", { type: "button", "data-page": text, disabled: to < 0 || to > last || to === page, onclick: () => onpage(to) }, text);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages of the list" },
    button("First", 0),
    button("Previous", page - 1),
    h("span", { class: "where" }, `${count(page * size + 1)} to ${count(Math.min(total, (page + 1) * size))} of ${count(total)}`),
    button("Next", page + 1),
    button("Last", last),
  );
}

/** Replace a list and keep the focus on the pager's button that was pressed. */
export function refill(target: HTMLElement, ...content: (Node | null)[]): void {
  const pressed = target.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.page : undefined;
  target.replaceChildren(...content.filter((node) => node !== null));
  if (!pressed) return;
  const again = [...target.querySelectorAll<HTMLButtonElement>("button[data-page]")];
  const same = again.find((button) => button.dataset.page === pressed && !button.disabled);
  (same ?? again.find((button) => !button.disabled))?.focus();
}

/** A button that saves what is selected as a CSV file. */
export function saveButton(name: string, head: string[], rows: () => (string | number)[][]): HTMLElement {
  const save = () => {
    const text = [head, ...rows()].map((row) => row.map(quoted).join(",")).join("\n");
    const url = URL.createObjectURL(new Blob([text, "\n"], { type: "text/csv" }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return h("button", { type: "button", onclick: save }, "Save this selection as CSV");
}

function quoted(value: string | number): string {
  const text = typeof value === "number" && Number.isNaN(value) ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
