import fc from "fast-check";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { type OrderedJson, parseOrderedJson } from "./ordered-json.ts";

function plain(value: OrderedJson): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([key, item]) => [key, plain(item)]));
  return value;
}

function told(text: string): string {
  try {
    parseOrderedJson(text, "x.json");
  } catch (error) {
    if (error instanceof ToolError) return `${error.message} — ${error.where}`;
    throw error;
  }
  return "no error";
}

test("keys keep the order of the text, also those that look like array indices", () => {
  const read = parseOrderedJson('{"b": 1, "40853293": 2, "05": 3, "7": {"1": 0, "0": 1}}', "x.json");
  if (!(read instanceof Map)) throw new Error("no map");
  expect([...read.keys()]).toEqual(["b", "40853293", "05", "7"]);
  const inner = read.get("7");
  expect(inner instanceof Map && [...inner.keys()]).toEqual(["1", "0"]);
});

test("every value means what JSON.parse makes of it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 1, 3), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      // JSON.stringify moves "__proto__" about as no file does; everything else must agree.
      fc.pre(!text.includes("__proto__"));
      expect(plain(parseOrderedJson(text, "x.json"))).toEqual(JSON.parse(text));
    }),
    { seed: 1, numRuns: 300 },
  );
  const numbers = "[0,-0,10,-1.5e3,1E-2,9,\t7 ,1e999]";
  expect(parseOrderedJson(numbers, "x.json")).toEqual(JSON.parse(numbers));
  expect(parseOrderedJson('"a\\"\\\\\\u00e9"', "x.json")).toBe('a"\\é');
});

test("a text that JSON.parse refuses is refused", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), fc.constantFrom("", ",", "]", '"', "x", "0"), (value, at, put) => {
      const whole = JSON.stringify(value);
      const text = whole.slice(0, at % (whole.length + 1)) + put + whole.slice((at % (whole.length + 1)) + 1);
      let isGood = true;
      try {
        JSON.parse(text);
      } catch {
        isGood = false;
      }
      fc.pre(!isGood);
      expect(told(text)).not.toBe("no error");
    }),
    { seed: 2, numRuns: 300 },
  );
});

test("what is wrong is told with line and column", () => {
  const texts = [
    '{"a": [1, 2,\n  x]}',
    '{"a": 1,\n "b": 2,\n "a": 3}',
    '{"a": [1, 2}',
    '["abc',
    "[1, 2] 3",
    "",
    "[01]",
    "[1,]",
    "{a: 1}",
    '{"a" 1}',
    "[1, +2]",
    '["a\nb"]',
    "[".repeat(200),
  ];
  expect(texts.map(told)).toMatchInlineSnapshot(`
    [
      "not valid JSON: unexpected "x" — x.json:2:3",
      "not valid JSON: the key "a" occurs twice — x.json:3:2",
      "not valid JSON: expected ',' or ']', found "}" — x.json:1:12",
      "not valid JSON: a string without its closing quote — x.json:1:2",
      "not valid JSON: more text after the end of the value — x.json:1:8",
      "not valid JSON: the text ends too early — x.json:1:1",
      "not valid JSON: expected ',' or ']', found "1" — x.json:1:3",
      "not valid JSON: unexpected "]" — x.json:1:4",
      "not valid JSON: expected a key in double quotes — x.json:1:2",
      "not valid JSON: expected ':', found "1" — x.json:1:6",
      "not valid JSON: unexpected "+" — x.json:1:5",
      "not valid JSON: a string with a line break or an unknown escape in it — x.json:1:2",
      "not valid JSON: more than 100 brackets inside each other — x.json:1:102",
    ]
  `);
});
