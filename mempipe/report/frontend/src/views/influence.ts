// Influence: the histogram of Figure 3 and the statistics of section 3.3, at the release's own thresholds.

import { bars, between } from "../charts";
import { meta, nTest, pairs } from "../data";
import { count, h, percent, table } from "../dom";
import { edges, histogram, pairStatistics, selectPairs } from "../stats";

export function influence(root: HTMLElement): void {
  const { mem, infl } = meta.thresholds;
  const chosen = selectPairs(meta.thresholds);
  const found = pairStatistics(chosen);
  const bins = edges(0.15, 1);
  const counts = histogram(chosen.map((pair) => pairs.infl[pair]), bins);
  const outside = found.nPairs - counts.reduce((sum, n) => sum + n, 0);
  root.append(
    h("h1", {}, "Influence"),
    h("p", {}, `High-influence pairs: a training example with mem ≥ ${mem} and a test example of the same label with infl ≥ ${infl} (section 2 of the paper).`),
    bars({
      title: "Influence of the high-influence pairs, 17 bins of 0.05 on [0.15, 1] (Figure 3 of the paper)",
      bins: between(bins),
      closed: true,
      counts,
      xLabel: "influence",
      yLabel: "pairs",
    }),
    outside ? h("p", { class: "note" }, `${count(outside)} pairs lie outside these bins.`) : "",
    table("Statistics of section 3.3", ["quantity", "this release", "paper: MNIST", "CIFAR-100", "ImageNet"], [
      ["high-influence pairs", count(found.nPairs), "35", "1,015", "1,641"],
      ["different training examples", count(found.nTrain), "–", "–", "–"],
      ["different test examples", count(found.nTest), "33", "888", "1,462"],
      [`share of the test set (${count(nTest)})`, percent(found.testShare), "0.33%", "8.88%", "2.92%"],
      ["test examples influenced by one training example alone", count(found.nTestSingle), "31", "774", "1,298"],
    ]),
  );
}
