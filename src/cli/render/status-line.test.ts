import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeStatusLine } from "./status-line.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A stream that keeps what is written to it. */
function fakeOutput(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  const stream = { isTTY, columns, write: (text: string) => written.push(text) > 0 };
  return { written, status: makeStatusLine(stream as unknown as NodeJS.WriteStream) };
}

const CLEAR = "\r\x1b[2K";

test("on a terminal one line is drawn over itself, at most ten times a second", () => {
  const { written, status } = fakeOutput(true);
  const makeText = vi.fn(() => "step 1");
  status.update(makeText);
  vi.advanceTimersByTime(99);
  status.update(makeText);
  expect(makeText).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  status.update(() => "step 2");
  expect(written).toEqual([`${CLEAR}step 1`, `${CLEAR}step 2`]);
});

test("a note stays above the live line; the end leaves the last text alone", () => {
  const { written, status } = fakeOutput(true);
  status.note("before anything is drawn");
  status.update(() => "live");
  status.note("a note");
  status.finish("done");
  status.note("after");
  expect(written).toEqual([
    "before anything is drawn\n",
    `${CLEAR}live`,
    `${CLEAR}a note\nlive`,
    CLEAR,
    "done\n",
    "after\n",
  ]);
});

test("the line never wraps, which would leave pieces behind", () => {
  const { written, status } = fakeOutput(true, 40);
  status.update(() => "x".repeat(100));
  expect(written).toEqual([CLEAR + "x".repeat(39)]);
  const unknown = fakeOutput(true);
  unknown.status.update(() => "x".repeat(100));
  expect(unknown.written).toEqual([CLEAR + "x".repeat(79)]);
});

test("elsewhere there are plain lines, one every five seconds, without control characters", () => {
  const { written, status } = fakeOutput(false, 10);
  status.update(() => "a line longer than the columns");
  vi.advanceTimersByTime(4999);
  status.update(() => "too early");
  vi.advanceTimersByTime(1);
  status.update(() => "later");
  status.note("a note");
  status.finish("done");
  expect(written).toEqual(["a line longer than the columns\n", "later\n", "a note\n", "done\n"]);
});

test("an end without text writes nothing where nothing is drawn", () => {
  for (const isTTY of [true, false]) {
    const { written, status } = fakeOutput(isTTY);
    status.finish();
    expect(written).toEqual([]);
  }
});
