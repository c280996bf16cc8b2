// Elements and numbers: the only place that makes either.

type Child = Node | string | null | undefined | Child[];

export function h(tag: string, attributes: Record<string, unknown> = {}, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function svg(tag: string, attributes: Record<string, unknown> = {}, ...children: (Node | string)[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

function append(element: HTMLElement, children: Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined) element.append(child);
  }
}

/** A table whose first column heads its rows. */
export function table(caption: string, head: string[], rows: Child[][], attributes: Record<string, unknown> = {}): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      attributes,
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
      h(
        "tbody",
        {},
        rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), rest.map((cell) => h("td", {}, cell)))),
      ),
    ),
  );
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

/** "1 pair", "2 pairs". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function score(value: number, error?: number): string {
  if (Number.isNaN(value)) return "no score";
  const text = value.toFixed(3).replace("-", "−");
  return error === undefined || Number.isNaN(error) ? text : `${text} ± ${error.toFixed(3)}`;
}

export function percent(value: number): string {
  return Number.isNaN(value) ? "unknown" : `${(100 * value).toFixed(2)}%`;
}

export function bytes(value: number): string {
  if (value >= 2 ** 20) return `${(value / 2 ** 20).toFixed(1)} MiB`;
  return value >= 2 ** 10 ? `${(value / 2 ** 10).toFixed(0)} KiB` : `${value} bytes`;
}

/** Decimals with which all values are printed exactly, but no more than four digits of the largest need. */
export function decimals(values: number[]): number {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const most = largest ? Math.min(12, Math.max(0, 3 - Math.floor(Math.log10(largest)))) : 0;
  const exact = (digits: number) => values.every((value) => Math.abs(value - Number(value.toFixed(digits))) <= 1e-9 * largest);
  for (let digits = 0; digits < most; digits++) if (exact(digits)) return digits;
  return most;
}

export function fixed(value: number, digits: number): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
}

/** A value to two digits of its error; without one, or with an error of 0, to `digits` decimals. */
export function measured(value: number | null, error: number | null, digits: number): string {
  if (value === null) return "–";
  if (!error) return fixed(value, digits) + (error === null ? "" : "\u00a0±\u00a00");
  const shown = Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(error))));
  return `${fixed(value, shown)}\u00a0±\u00a0${fixed(error, shown)}`;
}
