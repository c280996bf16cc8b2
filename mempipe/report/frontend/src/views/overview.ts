// Overview: what this is, what the numbers mean, where it came from, files to download.

import { byMemorization, className, hasCounts, meta, nTest, nTrain, train } from "../data";
import { bytes, count, counted, h, percent, score, table } from "../dom";
import { address } from "../router";
import { pairStatistics, selectPairs } from "../stats";
import { card } from "../thumbs";

export function overview(root: HTMLElement): void {
  const limits = meta.thresholds;
  const found = pairStatistics(selectPairs(limits));
  const memorized = byMemorization(null).filter((i) => train.mem[i] >= limits.mem).length;
  const figures: [string, string, string][] = [
    [count(nTrain), "training examples", address("examples")],
    [count(memorized), `with mem ≥ ${limits.mem}`, address("memorization")],
  ];
  if (meta.hasPairs) {
    figures.push([count(found.nPairs), "high-influence pairs", address("pairs")]);
    figures.push([count(found.nTest), `test examples in them (${percent(found.testShare)})`, address("influence")]);
  }
  root.append(
    h("h1", {}, `Memorization and influence: ${meta.title}`),
    h(
      "p",
      { class: "lead" },
      meta.nTrials === null ? "" : `Scores of ${counted(meta.nTrials, "model")}, each trained on a random part of the ${count(nTrain)} training examples and tested on ${count(nTest)}. `,
      h("em", {}, "Memorization"),
      " is how much the model's correctness on a training example depends on having seen it; ",
      h("em", {}, "influence"),
      " is how much a training example helps a test example (Feldman & Zhang 2020).",
    ),
    h("ul", { class: "figures" }, figures.map(([value, text, href]) => h("li", {}, h("a", { href }, h("strong", {}, value), " ", text)))),
    h("h2", {}, "Most memorized"),
    h(
      "div",
      { class: "cards" },
      [...byMemorization(null).slice(0, 20)].map((i) =>
        card("train", i, address(`train/${i}`), score(train.mem[i], train.mem_se?.[i]), `#${i} · ${className(train.label[i])}`),
      ),
    ),
    experiments(),
    meaning(),
    h("h2", { id: "provenance" }, "Provenance"),
    h("dl", { class: "facts" }, meta.facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]), h("dt", {}, meta.texts && !meta.images ? "Texts" : "Images"), h("dd", {}, meta.imagesNote, meta.texts ? ` Texts are cut to ${meta.texts.limit} characters.` : ""), h("dt", {}, "This report"), h("dd", {}, `mempipe ${meta.version}; ${meta.hasPairs ? `pairs down to mem ${meta.floor.mem} and infl ${meta.floor.infl}` : "no pairs"}`)),
    meta.spec === null ? "" : h("details", {}, h("summary", {}, "The resolved spec"), h("pre", { tabindex: 0 }, meta.spec)),
    downloads(),
  );
}

function experiments(): HTMLElement | "" {
  if (!meta.experiments.length) return "";
  const entries = meta.experiments.map(({ name, title, fact }) => [
    h("dt", {}, h("a", { href: address(`experiments/${name}`) }, title)),
    h("dd", {}, fact ? `${fact[0]}: ${fact[1]}` : ""),
  ]);
  return h("section", {}, h("h2", {}, "Experiments"), h("dl", { class: "facts" }, entries));
}

function meaning(): HTMLElement {
  return h(
    "section",
    {},
    h("h2", {}, "What the numbers mean"),
    h("p", {}, "For training example i with label y, and the subset I of each model h:"),
    h(
      "p",
      { class: "formula" },
      "mem(i) = P[h(x",
      h("sub", {}, "i"),
      ") = y",
      h("sub", {}, "i"),
      " | i ∈ I] − P[h(x",
      h("sub", {}, "i"),
      ") = y",
      h("sub", {}, "i"),
      " | i ∉ I]",
    ),
    h(
      "p",
      { class: "formula" },
      "infl(i, j) = P[h(x′",
      h("sub", {}, "j"),
      ") = y′",
      h("sub", {}, "j"),
      " | i ∈ I] − P[h(x′",
      h("sub", {}, "j"),
      ") = y′",
      h("sub", {}, "j"),
      " | i ∉ I]",
    ),
    h(
      "p",
      {},
      hasCounts
        ? "The value after ± is the standard error: it covers only the noise of a finite number of trials. Pairs just above a threshold are on average a little too large (selection bias)."
        : "These files hold no counts of trials, so scores have no standard errors.",
    ),
  );
}

function downloads(): HTMLElement {
  const rows = meta.downloads.map((file) => [
    file.href ? h("a", { href: file.href, download: true }, file.path) : file.path,
    bytes(file.bytes),
    file.href ? "in this report" : "in the release",
    h("code", { class: "hash" }, file.sha256 ?? "–"),
  ]);
  return h(
    "section",
    {},
    h("h2", {}, "Files to download"),
    h("p", {}, "Tables as CSV, results of experiments, and the small score files. The other files are in the release: ", h("code", {}, meta.uri)),
    table("Files", ["file", "size", "where", "SHA-256"], rows),
  );
}
