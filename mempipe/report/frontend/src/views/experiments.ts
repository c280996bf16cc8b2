// Experiments: each result with its facts, figures, tables and provenance, whatever experiment it is of.

import { meta } from "../data";
import { count, counted, decimals, fixed, h, table } from "../dom";
import { experimentResults, type Cell, type Result, type ShownExperiment, type Table } from "../experiments";
import { address, type Place } from "../router";
import { drawn } from "./figures";

const ROWS = 200; // of a table; the file has all

export function experiments(root: HTMLElement, { argument }: Place): void {
  const sections = h("div", {}, h("p", { class: "note", role: "status" }, "The results are being loaded…"));
  const link = (name: string, title: string) => h("li", {}, h("a", { href: address(`experiments/${name}`) }, title));
  root.append(
    h("h1", {}, "Experiments"),
    h("p", {}, "Results from these scores and from training again without some of the examples; the newest result of each experiment."),
    meta.experiments.length > 1 ? h("nav", { "aria-label": "Experiments" }, h("ul", {}, meta.experiments.map(({ name, title }) => link(name, title)))) : "",
    sections,
  );
  const missing = argument && !meta.experiments.some(({ name }) => name === argument);
  if (missing) sections.before(h("p", { class: "definition" }, `This report has no experiment ${argument}.`));
  const show = (results: ShownExperiment[]) => {
    if (!sections.isConnected) return; // another view was opened meanwhile
    sections.replaceChildren(...results.map(section));
    const heading = document.getElementById(`experiment-${argument}`);
    heading?.focus({ preventScroll: true });
    heading?.scrollIntoView();
  };
  const failed = (error: Error) => {
    sections.replaceChildren(h("p", { class: "definition", role: "alert" }, `The results cannot be shown: ${error.message} was not loaded. The folder of this report may be incomplete.`));
  };
  experimentResults().then(show, failed);
}

function section(shown: ShownExperiment): HTMLElement {
  const { result } = shown;
  const { facts, figures, notes, tables } = result.findings;
  const id = `experiment-${result.experiment}`;
  return h(
    "section",
    { class: "experiment", "aria-labelledby": id },
    h("h2", { id, tabindex: -1 }, h("a", { href: address(`experiments/${result.experiment}`) }, result.title)),
    h("p", { class: "note" }, `In the paper: ${result.paper}`),
    list(facts.map(({ name, value }) => [name, value])),
    figures.map((figure) => drawn(figure, tables[figure.table], csv(shown, figure.table))),
    notes.length ? h("ul", { class: "notes" }, notes.map((note) => h("li", {}, note))) : null,
    Object.entries(tables).map(([name, content]) => wholeTable(content, csv(shown, name))),
    provenance(shown),
    shown.older.length ? older(shown) : null,
  );
}

function csv(shown: ShownExperiment, name: string): HTMLElement {
  const href = shown.csv[name];
  return h("p", { class: "source" }, h("a", { href, download: true }, href.replace("downloads/", "")));
}

function list(rows: [string, string | Node][]): HTMLElement {
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A table with the meaning of its columns; it is made when it is opened. */
function wholeTable(content: Table, source: HTMLElement): HTMLElement {
  const columns = Object.entries(content.columns);
  const total = columns[0]?.[1].values.length ?? 0;
  const details = h("details", {}, h("summary", {}, `Table: ${content.title} (${counted(total, "row")})`));
  const fill = () => {
    const written = columns.map(([, { values }]) => writer(values));
    const rows = Array.from({ length: Math.min(total, ROWS) }, (_, k) => columns.map(([, { values }], column) => written[column](values[k])));
    details.append(
      ...(total > ROWS ? [h("p", { class: "note" }, `The first ${ROWS} rows; the file has all ${count(total)}.`)] : []),
      source,
      table(content.title, columns.map(([name]) => name), rows),
      list(columns.map(([name, { meaning }]) => [name, meaning])),
    );
  };
  details.addEventListener("toggle", fill, { once: true });
  return details;
}

/** How a column's cells are written: its numbers with equally many decimals. */
function writer(values: Cell[]): (value: Cell) => string {
  const numbers = values.filter((value) => typeof value === "number");
  const digits = decimals(numbers);
  const index = numbers.every(Number.isInteger) ? String : (value: number) => fixed(value, digits);
  return (value) => (value === null ? "–" : typeof value === "number" ? index(value).replace("-", "−") : value);
}

function provenance({ result, json }: ShownExperiment): HTMLElement {
  const runs = result.runs.map(({ role, run_key, trials, seed }) => [role, h("code", { class: "hash" }, run_key), count(trials), seed]);
  const rows: [string, string | Node][] = [
    ["Release", `${result.release_name}, ${result.release}`],
    ...result.other_releases.map((id): [string, string] => ["Compared with release", id]),
    ...Object.entries(result.subsets).map(([id, { design, ratio, seed }]): [string, string] => [
      `Subsets of ${id}`,
      `${design}, ratio ${ratio ?? "unknown"}, seed ${seed ?? "unknown"}`,
    ]),
    ...Object.entries(result.params).map(([name, value]): [string, Node] => [`Parameter ${name}`, h("code", {}, written(value))]),
    ["Models trained for it", trained(result)],
    ["Created", time(result.created)],
    ["Software", Object.entries(result.software).map((entry) => entry.join(" ")).join(", ")],
    ["Whole result", h("a", { href: json, download: true }, json.replace("downloads/", ""))],
  ];
  return h(
    "details",
    {},
    h("summary", {}, "Provenance"),
    list(rows),
    runs.length ? table("Runs that were trained for it", ["what", "run key", "trials", "seed"], runs) : null,
  );
}

function trained({ runs }: Result): string {
  if (!runs.length) return "none: it reads the release";
  return `${counted(runs.reduce((sum, { trials }) => sum + trials, 0), "model")} in ${counted(runs.length, "run")}`;
}

function older(shown: ShownExperiment): HTMLElement {
  const items = shown.older.map(({ created, params, json }) => {
    const changed = Object.entries(params).filter(([name, value]) => written(value) !== written(shown.result.params[name]));
    const text = changed.length ? changed.map(([name, value]) => `${name} ${written(value)}`).join("; ") : "equal parameters";
    return h("li", {}, h("a", { href: json, download: true }, time(created)), ": ", text);
  });
  const title = `${counted(shown.older.length, "older result")}, with the parameters that differ`;
  return h("details", {}, h("summary", {}, title), h("ul", {}, items));
}

function written(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "–";
}

function time(created: string): string {
  return `${created.slice(0, 10)} ${created.slice(11, 16)} UTC`;
}
