// Selection of pairs and its statistics, as in sections 2 and 3.3 of the paper; the same numbers as Python's.

import { nPairs, nTest, pairMem, pairs, train, type Limits } from "./data";

/** Pairs with mem >= limits.mem and infl >= limits.infl whose training example is of the class (null: any). */
export function selectPairs(limits: Limits, label: number | null = null): number[] {
  const chosen: number[] = [];
  for (let pair = 0; pair < nPairs; pair++) {
    if (pairs.infl[pair] < limits.infl) break; // by descending influence
    if (pairMem(pair) >= limits.mem && (label === null || train.label[pairs.tr_idx[pair]] === label)) chosen.push(pair);
  }
  return chosen;
}

export interface PairStatistics {
  nPairs: number;
  nTrain: number;
  nTest: number;
  testShare: number;
  nTestSingle: number;
}

export function pairStatistics(chosen: number[]): PairStatistics {
  const trains = new Set<number>();
  const times = new Map<number, number>();
  for (const pair of chosen) {
    trains.add(pairs.tr_idx[pair]);
    times.set(pairs.tt_idx[pair], (times.get(pairs.tt_idx[pair]) ?? 0) + 1);
  }
  const single = [...times.values()].filter((n) => n === 1).length;
  return {
    nPairs: chosen.length,
    nTrain: trains.size,
    nTest: times.size,
    testShare: nTest ? times.size / nTest : NaN,
    nTestSingle: single,
  };
}

/** Edges of bins of width 0.05; computed from whole hundredths, so that 0.15 is 0.15. */
export function edges(from: number, to: number): number[] {
  const first = Math.round(from * 100);
  const n = Math.round((to - from) * 20);
  return Array.from({ length: n + 1 }, (_, k) => (first + 5 * k) / 100);
}

/** Counts in half-open bins, the last one closed; values outside are left out. */
export function histogram(values: Iterable<number>, bins: number[]): number[] {
  const counts = new Array<number>(bins.length - 1).fill(0);
  const last = counts.length - 1;
  for (const value of values) {
    if (!(value >= bins[0] && value <= bins[last + 1])) continue;
    let k = Math.min(last, Math.floor((value - bins[0]) * 20));
    while (k < last && value >= bins[k + 1]) k++;
    while (k > 0 && value < bins[k]) k--;
    counts[k]++;
  }
  return counts;
}

/** Quantile of ascending values, linear between neighbors. */
export function quantile(ascending: number[], q: number): number {
  if (!ascending.length) return NaN;
  const at = (ascending.length - 1) * q;
  const low = Math.floor(at);
  const next = Math.min(low + 1, ascending.length - 1);
  return ascending[low] + (at - low) * (ascending[next] - ascending[low]);
}
