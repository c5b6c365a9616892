import fc from "fast-check";
import { expect, test } from "vitest";
import { applyAugmentation, unpackAugmentation } from "./augment.ts";
import { cropGrid } from "./crop.ts";
import { encodeGrid, encodeView } from "./encode.ts";
import { viewGrid } from "./grid.ts";
import { anyGrid } from "./testing/arbitrary.ts";
import { grid } from "./testing/tasks.ts";

function tokens(row: number, column: number, side: number, ...lines: string[]): string {
  const out = new Uint8Array(side * side).fill(99);
  encodeGrid(grid(...lines), { row, column }, side, out);
  return out.join(" ");
}

test("cells, end markers and padding lie where the reference puts them; the corner stays empty", () => {
  expect(tokens(0, 0, 4, "53", "60")).toBe("7 5 1 0 8 2 1 0 1 1 0 0 0 0 0 0");
  expect(tokens(1, 1, 4, "53", "60")).toBe("0 0 0 0 0 7 5 1 0 8 2 1 0 1 1 0");
});

test("end markers end where the canvas does", () => {
  expect(tokens(0, 0, 2, "53", "60")).toBe("7 5 8 2");
  expect(tokens(0, 0, 3, "123")).toBe("3 4 5 1 1 1 0 0 0");
  expect(tokens(0, 0, 3, "1", "2", "3")).toBe("3 1 0 4 1 0 5 1 0");
  expect(tokens(2, 1, 3, "12")).toBe("0 0 0 0 0 0 0 3 4");
});

test("a turned view is encoded as the turned grid would be, padding apart", () => {
  fc.assert(
    fc.property(anyGrid, fc.nat(8 * 362880 - 1), fc.nat(3), fc.nat(3), (original, packed, row, column) => {
      const change = unpackAugmentation(packed);
      const plain = new Int32Array(100);
      const viewed = new Int32Array(100);
      encodeGrid(applyAugmentation(change, original), { row, column }, 10, plain);
      encodeView(viewGrid(original, change.transform), change.colours, { row, column }, 10, viewed, -100);
      expect(viewed).toEqual(plain.map((token) => (token === 0 ? -100 : token)));
    }),
    { seed: 1 },
  );
});

test("in the upper left corner the grid can be cropped out again", () => {
  fc.assert(
    fc.property(anyGrid, fc.integer({ min: 7, max: 9 }), (original, side) => {
      const out = new Uint8Array(side * side);
      encodeGrid(original, { row: 0, column: 0 }, side, out);
      expect(cropGrid(out, side)).toEqual(original);
    }),
    { seed: 1 },
  );
});
