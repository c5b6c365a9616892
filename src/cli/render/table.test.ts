import { expect, test } from "vitest";
import { formatFields, formatTable, rowsThatFit, sideBySide } from "./table.ts";

test("columns are as wide as their widest cell, colour codes take no room", () => {
  const columns = [{ title: "name" }, { title: "max", align: "right" as const }, { title: "note" }];
  const rows = [
    ["rating", "171", "×"],
    ["\x1b[31mred\x1b[39m", "5", ""],
  ];
  expect(formatTable(columns, rows)).toEqual([
    "name    max  note",
    "rating  171  ×",
    "\x1b[31mred\x1b[39m       5",
  ]);
  expect(
    formatFields([
      ["a", "1"],
      ["long", "2"],
    ]),
  ).toEqual(["a     1", "long  2"]);
});

test("blocks stand beside each other, also of different heights", () => {
  expect(sideBySide([["a", "bbb"], ["c"], ["d", "e"]])).toEqual(["a    c  d", "bbb     e"]);
  expect(sideBySide([])).toEqual([]);
});

test("a row takes as many blocks as the width has room for, at least one", () => {
  const blocks = ["aaaa", "bb", "c", "d"];
  const rows = (width: number) => rowsThatFit(blocks, (block) => [block], width);
  expect(rows(9)).toEqual([["aaaa"], ["bb"], ["c"], ["d"]]);
  expect(rows(10)).toEqual([
    ["aaaa", "bb"],
    ["c", "d"],
  ]);
  expect(rows(16)).toEqual([["aaaa", "bb", "c"], ["d"]]);
  expect(rows(1)).toHaveLength(4);
});
