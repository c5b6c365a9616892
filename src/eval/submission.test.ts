import { expect, test } from "vitest";
import { canonicalJson, submissionSha256 } from "./submission.ts";

test("canonical JSON is Python's json.dumps(…, sort_keys=True, separators=(',', ':'))", () => {
  const value = {
    b: [[1, 0], []],
    "9": null,
    "10": true,
    ä: "é\u007f\n😀",
    "\uff5e": 1,
    "😀": { z: 1, a: 2 },
  };
  // Printed by Python: keys in the order of code points, everything beyond ASCII escaped.
  expect(canonicalJson(value)).toBe(
    String.raw`{"10":true,"9":null,"b":[[1,0],[]],"\u00e4":"\u00e9\u007f\n\ud83d\ude00","\uff5e":1,"\ud83d\ude00":{"a":2,"z":1}}`,
  );
});

test("the hash does not depend on the order of the tasks", () => {
  const attempts = [{ attempt_2: [[1]], attempt_1: [[2]] }];
  expect(submissionSha256({ b: attempts, a: [] })).toBe(submissionSha256({ a: [], b: attempts }));
  expect(submissionSha256({})).toBe("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
});
