// Which of its tasks a model is asked about: ARC models know puzzles apart, and know no others than those of their
// training.

import { ToolError } from "../../base/errors.ts";
import type { ModelCard } from "../../embed/model-card.ts";
import { byId } from "./elements.ts";

export interface TaskField {
  /** Undefined for models that do not know puzzles apart. */
  value(): number | undefined;
}

export function makeTaskField({ puzzle, tasks, identifiers }: ModelCard): TaskField {
  if (puzzle.kind !== "arc" || identifiers <= 1) return { value: () => undefined };
  const field = byId("task-name", HTMLInputElement);
  byId("task").hidden = false;
  byId("task-names").append(...tasks.map(({ name }) => new Option(name, name)));
  field.value = tasks[0]?.name ?? "1";
  const note = document.createElement("p");
  note.className = "quiet";
  note.textContent =
    `The model knows only the ${(tasks.length || identifiers - 1).toLocaleString("en")} tasks it was trained on: ` +
    "for a grid of any other task its answer means nothing.";
  byId("task").append(note);
  return {
    value() {
      const text = field.value.trim();
      const named = tasks.find(({ name }) => name === text)?.identifier;
      const number = named ?? (/^\d+$/.test(text) ? Number(text) : undefined);
      if (number !== undefined && number < identifiers) return number;
      throw new ToolError(`the model knows no task '${text}'`, {
        code: "web/task",
        hint: `choose one from the list, or a number from 0 to ${identifiers - 1}`,
      });
    },
  };
}
