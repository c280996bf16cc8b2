// The report's data: arrays from script files, decoded once, and the questions that views ask of them.

import type { ShownExperiment } from "./experiments";

type Packed = Record<string, [kind: "f8" | "f4" | "u4" | "u2", base64: string]>;
type Column = Float64Array | Float32Array | Uint32Array | Uint16Array;
export type Part = "train" | "test";

export interface Limits {
  mem: number;
  infl: number;
}

export interface Download {
  path: string;
  href: string | null;
  bytes: number;
  sha256: string | null;
}

export interface Images {
  height: number;
  width: number;
  columns: number;
  tiles: number;
  train: { file: string; tiles: number }[];
  test: { file: string; tiles: number }[];
}

export interface Texts {
  /** Characters to which a text is cut. */
  limit: number;
  tiles: number;
  train: string[];
  test: string[];
}

/** What the overview says of an experiment. */
export interface Summary {
  name: string;
  title: string;
  paper: string;
  fact: [name: string, value: string] | null;
}

export interface Meta {
  title: string;
  id: string;
  uri: string;
  version: string;
  facts: [string, string][];
  spec: string | null;
  classNames: string[];
  nTrials: number | null;
  thresholds: Limits;
  floor: Limits;
  /** Whether pairs are known: an index file in the authors' format has none. */
  hasPairs: boolean;
  images: Images | null;
  texts: Texts | null;
  imagesNote: string;
  downloads: Download[];
  experiments: Summary[];
  token: string;
}

declare global {
  var MEMPIPE: {
    experiments?: ShownExperiment[];
    meta: Meta;
    train: Packed;
    test: Packed;
    pairs: Packed;
    names: Record<Part, string[] | null>;
    /** The sheet of texts that was loaded last. */
    sheet?: string[];
  };
}

function decode(packed: Packed): Record<string, Column> {
  const columns: Record<string, Column> = {};
  for (const [name, [kind, base64]] of Object.entries(packed)) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const kinds = { f8: Float64Array, f4: Float32Array, u4: Uint32Array, u2: Uint16Array };
    columns[name] = new kinds[kind](bytes.buffer);
  }
  return columns;
}

export const meta = globalThis.MEMPIPE.meta;
export const names = globalThis.MEMPIPE.names;
export const train = decode(globalThis.MEMPIPE.train);
export const test = decode(globalThis.MEMPIPE.test);
export const pairs = decode(globalThis.MEMPIPE.pairs);
export const nTrain = train.label.length;
export const nTest = test.label.length;
export const nPairs = pairs.infl.length;
export const hasCounts = "n_out" in train;

export function columns(part: Part): Record<string, Column> {
  return part === "train" ? train : test;
}

export function className(label: number): string {
  return meta.classNames[label] ?? String(label);
}

/** Share of the models that did not see a training example and predict its label; NaN where unknown. */
export function heldOut(i: number): number {
  return hasCounts ? train.correct_out[i] / train.n_out[i] : NaN;
}

/** Memorization of the training example of a pair. */
export function pairMem(pair: number): number {
  return train.mem[pairs.tr_idx[pair]];
}

function grouped(keys: Column): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let pair = 0; pair < keys.length; pair++) {
    const group = groups.get(keys[pair]);
    if (group) group.push(pair);
    else groups.set(keys[pair], [pair]);
  }
  return groups;
}

const groups: Partial<Record<Part, Map<number, number[]>>> = {};

/** All pairs of an example, the strongest first. */
export function pairsOf(part: Part, idx: number): number[] {
  groups[part] ??= grouped(part === "train" ? pairs.tr_idx : pairs.tt_idx);
  return groups[part].get(idx) ?? [];
}

const byClass = new Map<number | null, Uint32Array>();

/** Training examples of a class (null: all), by descending memorization, then index; those without a score last. */
export function byMemorization(label: number | null): Uint32Array {
  let order = byClass.get(label);
  if (!order) {
    const key = (i: number) => (Number.isNaN(train.mem[i]) ? -2 : train.mem[i]);
    order = Uint32Array.from({ length: nTrain }, (_, i) => i).filter((i) => label === null || train.label[i] === label);
    order.sort((a, b) => key(b) - key(a) || a - b);
    byClass.set(label, order);
  }
  return order;
}
