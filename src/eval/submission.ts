// submission.json of the ARC competitions, and its hash: SHA-256 of the JSON with sorted keys, without spaces and in
// ASCII, as Python's json.dumps(…, sort_keys=True, separators=(",", ":")) gives it.

import { createHash } from "node:crypto";
import { writeFileAtomic } from "../base/files.ts";

export type Submission = Readonly<Record<string, unknown>>;

export async function writeSubmission(path: string, submission: Submission): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(submission));
}

export function submissionSha256(submission: Submission): string {
  return createHash("sha256").update(canonicalJson(submission)).digest("hex");
}

/** Numbers are written as JavaScript does, which for whole ones is what everybody does. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return toAscii(JSON.stringify(value));
  const entries = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${entries.map(([key, item]) => `${toAscii(JSON.stringify(key))}:${canonicalJson(item)}`).join(",")}}`;
}

function toAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
