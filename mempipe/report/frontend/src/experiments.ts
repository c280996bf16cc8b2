// Results of experiments: their form, and their script file, which is loaded when they are first looked at.

import { meta } from "./data";

export type Cell = number | string | null;

export interface Table {
  title: string;
  columns: Record<string, { meaning: string; values: Cell[] }>;
}

interface Drawn {
  title: string;
  table: string;
}

interface Plotted extends Drawn {
  x_label: string;
  y_label: string;
}

export interface LinesFigure extends Plotted {
  kind: "lines";
  x: string;
  series: { name: string; y: string; error: string | null }[];
}

export interface BarsFigure extends Plotted {
  kind: "bars";
  left: string;
  right: string;
  count: string;
  log: boolean;
}

export interface ExamplesFigure extends Drawn {
  kind: "examples";
}

export interface PairsFigure extends Drawn {
  kind: "pairs";
}

export type Figure = LinesFigure | BarsFigure | ExamplesFigure | PairsFigure;

export interface Result {
  experiment: string;
  title: string;
  paper: string;
  release: string;
  release_name: string;
  other_releases: string[];
  subsets: Record<string, { design: string; ratio: string | null; seed: string | null }>;
  params: Record<string, unknown>;
  runs: { role: string; run_key: string; trials: number; seed: string }[];
  findings: {
    facts: { name: string; value: string }[];
    figures: Figure[];
    tables: Record<string, Table>;
    notes: string[];
  };
  created: string;
  software: Record<string, string>;
}

/** A result with the addresses of its downloads, and what was found before it. */
export interface ShownExperiment {
  result: Result;
  json: string;
  csv: Record<string, string>;
  older: { created: string; params: Record<string, unknown>; json: string }[];
}

let loading: Promise<ShownExperiment[]> | undefined;

/** All results; they may be large, so the page begins without them. A page that is opened as a file cannot fetch. */
export function experimentResults(): Promise<ShownExperiment[]> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `data/experiments.js?${meta.token}`;
    script.onload = () => resolve(globalThis.MEMPIPE.experiments ?? []);
    script.onerror = () => {
      loading = undefined; // so that it is asked for again
      reject(new Error(script.src));
    };
    document.head.append(script);
  });
  return loading;
}
