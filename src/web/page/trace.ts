// The answer after each step: one board at a time, chosen by a slider or from the list of steps.

import { formOf, type PuzzleKind } from "../../embed/puzzle-form.ts";
import type { SolverStep } from "../../embed/solver.ts";
import { answerTable } from "./board.ts";
import { answerBoard, type Board } from "./cells.ts";
import { makeButton } from "./editor.ts";
import { byId } from "./elements.ts";

export interface Trace {
  /** Forgets the steps before. */
  start(puzzle: string): void;
  /** Shows the step, unless someone looks at an earlier one. */
  add(step: SolverStep): void;
}

interface Shown {
  readonly step: SolverStep;
  readonly board: Board;
  readonly changed: number;
  readonly button: HTMLButtonElement;
}

export function makeTrace(puzzle: PuzzleKind): Trace {
  const form = formOf(puzzle);
  const slider = byId("slider", HTMLInputElement);
  let inputs = new Int32Array(form.seqLen);
  let steps: Shown[] = [];
  let isFollowing = true;
  const show = (index: number) => {
    const { step, board } = steps[index];
    slider.value = String(index + 1);
    slider.ariaValueText = `step ${index + 1} of ${steps.length}`;
    byId("shown").textContent = `${index + 1} of ${steps.length}`;
    byId("board").replaceChildren(answerTable(puzzle, board, `Answer after step ${index + 1}`));
    showVerdict(step);
    showSure(step.haltProbability);
    steps.forEach(({ button }, i) => {
      button.ariaCurrent = i === index ? "step" : null;
    });
  };
  const choose = (index: number) => {
    isFollowing = index === steps.length - 1;
    show(index);
  };
  slider.addEventListener("input", () => choose(Number(slider.value) - 1));
  byId("legend").replaceChildren(...legendOf(puzzle));
  return {
    start(text) {
      inputs = Int32Array.from(form.read(text));
      steps = [];
      isFollowing = true;
      byId("list").replaceChildren();
    },
    add(step) {
      const before = steps.at(-1)?.step.tokens;
      const board = answerBoard(puzzle, inputs, step.tokens, before);
      const changed = board.cells.filter(({ isChanged }) => isChanged).length;
      const index = steps.length;
      const button = makeButton("", () => choose(index));
      button.append(...rowOf(step, changed));
      steps.push({ step, board, changed, button });
      const item = document.createElement("li");
      item.append(button);
      byId("list").append(item);
      slider.max = String(steps.length);
      byId("answer").hidden = false;
      byId("empty").hidden = true;
      show(isFollowing ? index : Number(slider.value) - 1);
      if (isFollowing) byId("list").scrollTop = byId("list").scrollHeight;
    },
  };
}

export function percent(probability: number): string {
  return `${Math.round(100 * probability)} %`;
}

function rowOf({ step, haltProbability, valid }: SolverStep, changed: number): HTMLElement[] {
  const verdict = valid === undefined ? "" : valid ? ", right" : ", not right";
  return [
    span("", `Step ${step}`),
    span(
      "note",
      `${changed > 0 ? `${changed} changed` : step === 1 ? "first answer" : "no change"}${verdict}`,
    ),
    span("percent", percent(haltProbability), " sure"),
  ];
}

function showVerdict({ valid, problem }: SolverStep): void {
  const verdict = byId("verdict");
  verdict.classList.toggle("good", valid === true);
  if (valid === undefined) verdict.textContent = "No rules tell whether this is right.";
  else verdict.textContent = valid ? "✓ Right by the rules" : `✗ Not right: ${problem ?? "it breaks a rule"}`;
}

function showSure(probability: number): void {
  const text = percent(probability);
  byId("sure-text").textContent = `The model is ${text} sure that this is right`;
  const bar = byId("sure");
  bar.role = "meter";
  Object.assign(bar, {
    ...{ ariaLabel: "How sure the model is", ariaValueMin: "0", ariaValueMax: "100", ariaValueText: text },
    ariaValueNow: String(Math.round(100 * probability)),
  });
  const [fill] = bar.children;
  if (fill instanceof HTMLElement) fill.style.width = `${100 * probability}%`;
}

function legendOf({ kind }: PuzzleKind): HTMLElement[] {
  const changed = legendItem("changed", "", "has just changed");
  if (kind === "arc") return [];
  if (kind === "maze")
    return [legendItem("path", "•", "path"), changed, legendItem("broken", "", "is not what was given")];
  return [legendItem("given", "5", "given"), changed, legendItem("broken", "5", "breaks a rule")];
}

function legendItem(className: string, text: string, says: string): HTMLElement {
  const item = span("", "");
  const sample = document.createElement("i");
  sample.className = className;
  sample.textContent = text;
  sample.ariaHidden = "true";
  item.append(sample, says);
  return item;
}

function span(className: string, text: string, unseenText = ""): HTMLSpanElement {
  const element = document.createElement("span");
  element.className = className;
  element.append(text);
  if (unseenText !== "") {
    const more = document.createElement("span");
    more.className = "unseen";
    more.textContent = unseenText;
    element.append(more);
  }
  return element;
}
