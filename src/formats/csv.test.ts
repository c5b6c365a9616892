import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { formatPuzzleCsv, PUZZLE_CSV_HEADER, parsePuzzleCsv, readPuzzleCsv } from "./csv.ts";

const message = (text: string) => {
  try {
    Array.from(parsePuzzleCsv(text, "p.csv"));
  } catch (error) {
    return error instanceof ToolError ? error.format() : String(error);
  }
  return "no error";
};

test("rows come with their line numbers; line ends and a byte order mark do not matter", () => {
  const rows = [{ source: "s", question: "1.", answer: "12", rating: "3", line: 2 }];
  expect(Array.from(parsePuzzleCsv(`${PUZZLE_CSV_HEADER}\ns,1.,12,3\n`, "p"))).toEqual(rows);
  expect(Array.from(parsePuzzleCsv(`\uFEFF${PUZZLE_CSV_HEADER}\r\ns,1.,12,3`, "p"))).toEqual(rows);
  expect(Array.from(parsePuzzleCsv(`${PUZZLE_CSV_HEADER}\n`, "p"))).toEqual([]);
});

test("what is wrong is named with file and line", () => {
  expect(message("")).toMatchInlineSnapshot(
    `"the file is empty — p.csv:1 — a puzzle file starts with the line source,question,answer,rating"`,
  );
  expect(message("question,answer\n")).toMatchInlineSnapshot(
    `"the header is "question,answer" — p.csv:1 — a puzzle file starts with the line source,question,answer,rating"`,
  );
  expect(message(`${PUZZLE_CSV_HEADER}\na,b,c,d\na,b,c\n`)).toMatchInlineSnapshot(
    `"the row has 3 fields, not 4 — p.csv:3 — every row has the fields source,question,answer,rating"`,
  );
  expect(message(`${PUZZLE_CSV_HEADER}\n\na,b,c,d\n`)).toMatchInlineSnapshot(
    `"the line is empty — p.csv:2 — every row has the fields source,question,answer,rating"`,
  );
  expect(message(`${PUZZLE_CSV_HEADER}\na,"b,c,d\n`)).toMatchInlineSnapshot(
    `"a quote does not enclose a whole field: a,"b,c,d — p.csv:2 — quote a whole field ("…") and write "" for a quote inside it"`,
  );
});

test("what is written is read back, whatever the fields hold", () => {
  const field = fc.string({ unit: fc.constantFrom("a", ",", '"', " ", "#", "é", ".") });
  const row = fc.record({ source: field, question: field, answer: field, rating: field });
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const text = Buffer.concat(formatPuzzleCsv(rows)).toString();
      const back = Array.from(parsePuzzleCsv(text, "p"), ({ line: _, ...rest }) => rest);
      expect(back).toEqual(rows);
    }),
    { seed: 1 },
  );
});

test("a file larger than a chunk is read whole, characters across chunks included", () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-csv-"));
  const rows = Array.from({ length: 9000 }, (_, i) => ({
    source: "é".repeat(100),
    question: String(i),
    answer: "x",
    rating: "0",
  }));
  const path = join(folder, "large.csv");
  writeFileSync(path, Buffer.concat(formatPuzzleCsv(rows)));
  const back = Array.from(readPuzzleCsv(path));
  rmSync(folder, { recursive: true });
  expect(back.length).toBe(9000);
  expect(back.every((row, i) => row.question === String(i) && row.source === rows[i].source)).toBe(true);
  expect(back[8999].line).toBe(9001);
});

test("a missing file is an error for the user", () => {
  expect(() => Array.from(readPuzzleCsv("no-such.csv"))).toThrow(
    /no such file or folder while reading no-such.csv/,
  );
});
