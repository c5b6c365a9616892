import { expect, test } from "vitest";
import { formatPythonJson, pythonJsonOf } from "./python-json.ts";

test("the text is that of Python's json.dump", () => {
  const value = {
    pad_id: 0,
    ignore_label_id: null,
    sets: ["all", true, false],
    empty: [[], {}],
    half: -0.5,
    text: 'tab\t "quoted" \\ é 😀 \u007f\u0001',
  };
  expect(formatPythonJson(pythonJsonOf(value))).toBe(
    '{"pad_id": 0, "ignore_label_id": null, "sets": ["all", true, false], "empty": [[], {}], "half": -0.5, ' +
      '"text": "tab\\t \\"quoted\\" \\\\ \\u00e9 \\ud83d\\ude00 \u007f\\u0001"}',
  );
});

test("floats have a point, also whole ones", () => {
  const floats = [4, 4.154166666666667, 1 / 3, 0, -2, 123456789.5];
  const expected = "[4.0, 4.154166666666667, 0.3333333333333333, 0.0, -2.0, 123456789.5]";
  expect(formatPythonJson(floats.map((float) => ({ float })))).toBe(expected);
  expect(() => formatPythonJson({ float: 1e-7 })).toThrow("1e-7");
  expect(() => formatPythonJson(0.5)).toThrow("0.5 is not an integer");
});

test("maps keep their order where objects do not", () => {
  const tasks = new Map([
    ["b", 1],
    ["40853293", 2],
  ]);
  expect(formatPythonJson(pythonJsonOf(tasks))).toBe('{"b": 1, "40853293": 2}');
});
