// The memory of the unpickler: bytes still to come, the stack with its marks, the memo. All limits stand here: what a
// file asks for is compared with what it has before anything is allocated.

import { ToolError } from "../base/errors.ts";
import type { PickleDict, PickleSequence, PickleValue } from "./pickle-values.ts";

/** A state dict has about 250 bytes, 40 instructions and 6 containers a tensor: these are those of 60,000 tensors. */
export const pickleLimits = {
  bytes: 16 * 2 ** 20,
  instructions: 4_000_000,
  stack: 1_000_000,
  marks: 1000,
  memo: 1_000_000,
  containers: 500_000,
  depth: 64,
  nameBytes: 256,
  integerBytes: 64,
} as const;

export class PickleMachine {
  readonly place: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #instructions = 0;
  #containers = 0;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array, place: string) {
    this.place = place;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length > pickleLimits.bytes)
      throw this.tooLarge(`its pickle has ${bytes.length} bytes`, pickleLimits.bytes);
  }

  /** The next instruction's code. */
  next(): number {
    if (++this.#instructions > pickleLimits.instructions)
      throw this.tooLarge("its pickle has too many instructions", pickleLimits.instructions);
    return this.unsigned(1);
  }

  take(length: number): Uint8Array {
    const left = this.#bytes.length - this.#at;
    if (length > left) throw this.damaged(`it announces ${length} bytes where ${left} are left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** An unsigned number of so many bytes, exact up to 2^53. */
  unsigned(length: 1 | 2 | 4 | 8): number {
    const at = this.#at;
    this.take(length);
    if (length === 1) return this.#view.getUint8(at);
    if (length === 2) return this.#view.getUint16(at, true);
    if (length === 4) return this.#view.getUint32(at, true);
    return Number(this.#view.getBigUint64(at, true));
  }

  int32(): number {
    this.take(4);
    return this.#view.getInt32(this.#at - 4, true);
  }

  /** Big-endian, the only such number of a pickle. */
  float64(): number {
    this.take(8);
    return this.#view.getFloat64(this.#at - 8, false);
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw this.damaged("a text of it is not UTF-8", cause);
    }
  }

  /** Up to a line feed: names of modules and classes. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0 || end - this.#at > pickleLimits.nameBytes) throw this.damaged("a name in it does not end");
    const text = this.text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  push(value: PickleValue): void {
    if (this.#stack.length >= pickleLimits.stack)
      throw this.tooLarge("its stack grows too large", pickleLimits.stack);
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.length > this.#floor ? this.#stack.pop() : undefined;
    if (value === undefined) throw this.damaged("it takes a value where there is none");
    return value;
  }

  top(): PickleValue {
    const value = this.#stack.length > this.#floor ? this.#stack.at(-1) : undefined;
    if (value === undefined) throw this.damaged("it takes a value where there is none");
    return value;
  }

  /** Values below the last mark are out of reach. */
  get #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  mark(): void {
    if (this.#marks.length >= pickleLimits.marks)
      throw this.tooLarge("its marks are too many", pickleLimits.marks);
    this.#marks.push(this.#stack.length);
  }

  /** Everything above the last mark, which goes too. */
  popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.damaged("it goes back to a mark that it never set");
    return this.#stack.splice(mark);
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
    if (this.#memo.size > pickleLimits.memo)
      throw this.tooLarge("its memo grows too large", pickleLimits.memo);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.damaged(`it recalls a value ${index} that it never kept`);
    this.push(value);
  }

  sequence(kind: PickleSequence["kind"], items: PickleValue[]): PickleSequence {
    this.#count();
    return { kind, items };
  }

  dict(): PickleDict {
    this.#count();
    return { kind: "dict", entries: new Map() };
  }

  #count(): void {
    if (++this.#containers > pickleLimits.containers)
      throw this.tooLarge("it has too many containers", pickleLimits.containers);
  }

  damaged(what: string, cause?: unknown): ToolError {
    return new ToolError(`${this.place} is not a whole pickle: ${what}`, {
      code: "torch/damaged",
      hint: "copy or save the file again",
      cause,
    });
  }

  tooLarge(what: string, limit: number): ToolError {
    return new ToolError(`${this.place} is no state dict: ${what}; the limit is ${limit}`, {
      code: "torch/too-large",
      hint: "save the model's state dict alone",
    });
  }

  /** What would run code of the file's choice. */
  refused(what: string): ToolError {
    return new ToolError(`${this.place} ${what}, which no weights need; nothing of it was run`, {
      code: "torch/refused",
      hint: "do not open the file with other tools if you do not trust it; weights are saved by torch.save(model.state_dict(), …)",
    });
  }
}
