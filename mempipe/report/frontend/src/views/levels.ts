// Examples of each class whose memorization is nearest to 0, 0.5 and 1.

import { chosenClass, classChoice, refill } from "../controls";
import { byMemorization, className, meta, train } from "../data";
import { h, score } from "../dom";
import { address, remember, type Place } from "../router";
import { card } from "../thumbs";

const LEVELS = [0, 0.5, 1];
const SHOWN = 8;
const NEAR = 0.25;
const CLASSES = 5;

export function levels(root: HTMLElement, { params }: Place): void {
  let label = chosenClass(params);
  const rows = h("div");
  const update = () => {
    const labels = label !== null ? [label] : meta.classNames.slice(0, CLASSES).map((_, k) => k);
    refill(rows, ...labels.map(ofClass));
    remember(address("levels", { class: label }));
  };
  root.append(
    h("h1", {}, "Examples near memorization 0, 0.5 and 1"),
    h("p", {}, `In each class the ${SHOWN} examples whose score is nearest to the level, if within ${NEAR} of it; equal ones by index, so nothing is picked by hand. Figure 1 of the paper shows examples near the same three levels.`, reproduction()),
    h("div", { class: "controls" }, classChoice(label, (value) => ((label = value), update()))),
    rows,
  );
  if (label === null && meta.classNames.length > CLASSES) rows.before(h("p", { class: "note" }, `The first ${CLASSES} classes; choose any other above.`));
  update();
}

/** The experiment that has the figure's name chooses otherwise, and says how. */
function reproduction(): (string | Node)[] {
  const made = meta.experiments.some(({ name }) => name === "examples");
  return made ? [" The ", h("a", { href: address("experiments/examples") }, "experiment of that figure"), " chooses by a rule of its own."] : [];
}

function ofClass(label: number): HTMLElement {
  const order = [...byMemorization(label)].filter((i) => !Number.isNaN(train.mem[i]));
  const away = (i: number, level: number) => Math.abs(train.mem[i] - level);
  const nearest = (level: number) =>
    order.filter((i) => away(i, level) <= NEAR).sort((a, b) => away(a, level) - away(b, level) || a - b).slice(0, SHOWN);
  return h(
    "section",
    {},
    h("h2", {}, `Class ${className(label)}`),
    h(
      "div",
      { class: "levels" },
      LEVELS.map((level) => {
        const cards = nearest(level).map((i) => card("train", i, address(`train/${i}`), score(train.mem[i]), `#${i}`));
        const none = h("p", { class: "note" }, `None within ${NEAR}.`);
        return h("div", {}, h("h3", {}, `near ${level.toFixed(1)}`), cards.length ? h("div", { class: "cards" }, cards) : none);
      }),
    ),
  );
}
