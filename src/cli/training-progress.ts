// How a training under way looks on the terminal, and how it is stopped from there. Shared by the commands that train.

import type { TrainingEvents } from "../train/loop.ts";
import { duration, integer, percent } from "./render/numbers.ts";
import type { StatusLine } from "./render/status-line.ts";

/** A signal that Ctrl-C (or SIGTERM) gives: what runs saves and ends; a second one ends at once. */
export function interruptible(status: StatusLine): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    status.note("stopping: saving a checkpoint (press Ctrl-C again to end at once) …");
    controller.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    release: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}

/** Keeps the status line up to date. */
export function progressEvents(status: StatusLine, batchSize: number): TrainingEvents {
  const smooth = makeSmoother();
  let lastEval = "";
  return {
    onStep({ step, totalSteps, metrics, rowsPerSecond }) {
      const loss = smooth("loss", metrics.loss / batchSize);
      const exact = metrics.count > 0 ? smooth("exact", metrics.exact_accuracy / metrics.count) : undefined;
      status.update(() => {
        const left = ((totalSteps - step) * batchSize) / rowsPerSecond;
        const known = totalSteps < Number.MAX_SAFE_INTEGER;
        return [
          `step ${integer(step)}${known ? `/${integer(totalSteps)}` : ""}`,
          `loss ${loss.toFixed(3)}`,
          `exact ${exact === undefined ? "–" : percent(exact)}`,
          `${rowsPerSecond.toFixed(rowsPerSecond < 10 ? 1 : 0)} rows/s`,
          ...(known ? [`${duration(left)} left`] : []),
          ...(lastEval ? [lastEval] : []),
        ].join("  ");
      });
    },
    onQuickEval(step, { exactAccuracy, cellAccuracy, puzzles }) {
      lastEval = `check ${percent(exactAccuracy)}`;
      status.note(
        `step ${integer(step)}: solves ${percent(exactAccuracy)} of ${puzzles} held-out puzzles, ${percent(cellAccuracy)} of the cells`,
      );
    },
    onWarning: (text) => status.note(`warning: ${text}`),
  };
}

/** Exponential averages by name, started by the first value. */
function makeSmoother(): (name: string, value: number) => number {
  const averages = new Map<string, number>();
  return (name, value) => {
    const earlier = averages.get(name) ?? value;
    const next = 0.95 * earlier + 0.05 * value;
    averages.set(name, next);
    return next;
  };
}
