// Training examples of a class by memorization, with a slider that goes to a score.

import { chosenClass, classChoice, pager, refill, saveButton, slider } from "../controls";
import { byMemorization, className, heldOut, nTrain, train } from "../data";
import { counted, h, score } from "../dom";
import { address, number, remember, type Place } from "../router";
import { card } from "../thumbs";

const PAGE = 60;

export function examples(root: HTMLElement, { params }: Place): void {
  let label = chosenClass(params);
  let most = number(params, "mem", 1, -1, 1);
  let page = number(params, "page", 0, 0, 1e9);
  const list = h("div");
  const state = h("p", { class: "state", "aria-live": "polite" });
  const chosen = () => byMemorization(label).filter((i) => train.mem[i] <= most);
  const update = (to = 0) => {
    const shown = chosen();
    page = Math.min(to, Math.max(0, Math.ceil(shown.length / PAGE) - 1));
    state.textContent = `${counted(shown.length, "example")} with mem ≤ ${most}, the most memorized first.`;
    const cards = [...shown.slice(page * PAGE, (page + 1) * PAGE)].map((i) =>
      card("train", i, address(`train/${i}`), score(train.mem[i], train.mem_se?.[i]), `#${i} · ${className(train.label[i])}`),
    );
    refill(list, pager(page, PAGE, shown.length, update), h("div", { class: "cards" }, cards));
    remember(address("examples", { class: label, mem: most === 1 ? null : most, page: page || null }));
  };
  root.append(
    h("h1", {}, "Training examples by memorization"),
    h(
      "div",
      { class: "controls" },
      classChoice(label, (value) => ((label = value), update())),
      slider({ label: "Begin at mem", min: -0.2, max: 1, value: most, onchange: (value) => ((most = value), update()) }),
      opener(),
      saveButton("examples.csv", ["idx", "label", "mem", "mem_se", "heldout_accuracy"], () =>
        [...chosen()].map((i) => [i, train.label[i], train.mem[i], train.mem_se?.[i] ?? NaN, heldOut(i)]),
      ),
    ),
    state,
    list,
  );
  update(page);
}

function opener(): HTMLElement {
  const field = h("input", { type: "number", id: "open-index", min: 0, max: nTrain - 1, step: 1, required: true }) as HTMLInputElement;
  const go = (event: Event) => {
    event.preventDefault();
    location.hash = address(`train/${field.valueAsNumber}`);
  };
  return h("form", { class: "control", onsubmit: go }, h("label", { for: "open-index" }, "Open example number"), h("span", { class: "row" }, field, h("button", {}, "Open")));
}
