// A reader of Python pickles that runs nothing: the instructions that torch.save writes (protocols 2 to 5), plain
// containers and whatever `rules` makes of the few names it knows. Every other name, call or object is an error before
// anything is made of it. Source: Lib/pickletools.py of CPython, which describes every instruction.

import { PickleMachine, pickleLimits } from "./pickle-machine.ts";
import {
  isDict,
  isGlobal,
  isTuple,
  kindOf,
  nameOf,
  type PickleDict,
  type PickleValue,
} from "./pickle-values.ts";

export interface PickleRules {
  /** Whether a file may name this class or function (`collections.OrderedDict`). */
  allows(name: string, machine: PickleMachine): boolean;
  /** What a call gives; undefined refuses it. */
  call(name: string, args: readonly PickleValue[], machine: PickleMachine): PickleValue | undefined;
  /** What stands outside of the pickle; undefined refuses it. */
  persistent(id: PickleValue): PickleValue | undefined;
}

/** The one value of a pickle; `place` stands for it in errors. */
export function unpickle(bytes: Uint8Array, place: string, rules: PickleRules): PickleValue {
  const machine = new PickleMachine(bytes, place);
  for (let code = machine.next(); code !== STOP; code = machine.next()) {
    const step = steps.get(code);
    if (!step) throw unknownInstruction(machine, code);
    step(machine, rules);
  }
  const value = machine.pop();
  checkDepth(value, machine);
  return value;
}

const STOP = 0x2e;

type Step = (machine: PickleMachine, rules: PickleRules) => void;

/** Instructions by code; their names are those of pickletools. */
const steps: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, (m) => checkProtocol(m)], // PROTO
  [0x95, (m) => void m.unsigned(8)], // FRAME: how many bytes follow; they are bounded anyway
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x31, (m) => void m.popMark()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP
  // Memo
  [0x71, (m) => m.remember(m.unsigned(1))], // BINPUT
  [0x72, (m) => m.remember(m.unsigned(4))], // LONG_BINPUT
  [0x94, (m) => m.remember()], // MEMOIZE
  [0x68, (m) => m.recall(m.unsigned(1))], // BINGET
  [0x6a, (m) => m.recall(m.unsigned(4))], // LONG_BINGET
  // Plain values
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x4b, (m) => m.push(m.unsigned(1))], // BININT1
  [0x4d, (m) => m.push(m.unsigned(2))], // BININT2
  [0x8a, (m) => m.push(wholeNumber(m, m.unsigned(1)))], // LONG1
  [0x8b, (m) => m.push(wholeNumber(m, m.unsigned(4)))], // LONG4
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x8c, (m) => m.push(m.text(m.unsigned(1)))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.text(m.unsigned(4)))], // BINUNICODE
  [0x8d, (m) => m.push(m.text(m.unsigned(8)))], // BINUNICODE8
  [0x55, (m) => m.push(m.text(m.unsigned(1)))], // SHORT_BINSTRING, of Python 2
  [0x54, (m) => m.push(m.text(m.unsigned(4)))], // BINSTRING, of Python 2
  [0x43, (m) => m.push(m.take(m.unsigned(1)))], // SHORT_BINBYTES
  [0x42, (m) => m.push(m.take(m.unsigned(4)))], // BINBYTES
  [0x8e, (m) => m.push(m.take(m.unsigned(8)))], // BINBYTES8
  // Containers
  [0x29, (m) => m.push(m.sequence("tuple", []))], // EMPTY_TUPLE
  [0x85, (m) => pushTuple(m, 1)], // TUPLE1
  [0x86, (m) => pushTuple(m, 2)], // TUPLE2
  [0x87, (m) => pushTuple(m, 3)], // TUPLE3
  [0x74, (m) => m.push(m.sequence("tuple", m.popMark()))], // TUPLE
  [0x5d, (m) => m.push(m.sequence("list", []))], // EMPTY_LIST
  [0x6c, (m) => m.push(m.sequence("list", m.popMark()))], // LIST
  [0x61, (m) => append(m, [m.pop()])], // APPEND
  [0x65, (m) => append(m, m.popMark())], // APPENDS
  [0x7d, (m) => m.push(m.dict())], // EMPTY_DICT
  [0x64, (m) => m.push(fill(m, m.dict(), m.popMark()))], // DICT
  [0x73, (m) => setItems(m, [m.pop(), m.pop()].reverse())], // SETITEM
  [0x75, (m) => setItems(m, m.popMark())], // SETITEMS
  // What others would run code for
  [0x63, (m, rules) => pushGlobal(m, rules, m.line(), m.line())], // GLOBAL
  [0x93, stackGlobal], // STACK_GLOBAL
  [0x52, reduce], // REDUCE
  [0x62, build], // BUILD
  [0x51, persistent], // BINPERSID
  [0x69, (m) => refuseInstance(m, m.line(), m.line())], // INST
]);

/** Instructions that make objects, and are never written for weights. */
const objectInstructions: ReadonlyMap<number, string> = new Map([
  [0x6f, "OBJ"],
  [0x81, "NEWOBJ"],
  [0x92, "NEWOBJ_EX"],
  [0x82, "EXT1"],
  [0x83, "EXT2"],
  [0x84, "EXT4"],
]);

function unknownInstruction(machine: PickleMachine, code: number) {
  const name = objectInstructions.get(code);
  if (name) return machine.refused(`makes an object by ${name}`);
  return machine.damaged(`it has the instruction 0x${code.toString(16)}, which torch.save does not write`);
}

function checkProtocol(machine: PickleMachine): void {
  const protocol = machine.unsigned(1);
  if (protocol < 2 || protocol > 5) throw machine.damaged(`it says that it is of protocol ${protocol}`);
}

/** Little-endian two's complement. */
function wholeNumber(machine: PickleMachine, length: number): number | bigint {
  if (length > pickleLimits.integerBytes) throw machine.damaged(`it has a whole number of ${length} bytes`);
  const bytes = machine.take(length);
  let bits = 0n;
  for (let i = length - 1; i >= 0; i--) bits = (bits << 8n) | BigInt(bytes[i]);
  const value = BigInt.asIntN(8 * length, bits);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function pushTuple(machine: PickleMachine, length: number): void {
  const items = Array.from({ length }, () => machine.pop()).reverse();
  machine.push(machine.sequence("tuple", items));
}

function append(machine: PickleMachine, items: readonly PickleValue[]): void {
  const list = machine.top();
  if (typeof list !== "object" || list === null || !("kind" in list) || list.kind !== "list")
    throw machine.damaged(`it appends to ${nameOf(list)}`);
  for (const item of items) list.items.push(item);
}

function setItems(machine: PickleMachine, items: readonly PickleValue[]): void {
  const dict = machine.top();
  if (!isDict(dict)) throw machine.damaged(`it puts entries into ${nameOf(dict)}`);
  fill(machine, dict, items);
}

function fill(machine: PickleMachine, dict: PickleDict, items: readonly PickleValue[]): PickleDict {
  if (items.length % 2 !== 0) throw machine.damaged("a dict of it has a key without a value");
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i];
    if (typeof key !== "string" && typeof key !== "number")
      throw machine.damaged(`a dict of it has ${nameOf(key)} as key`);
    dict.entries.set(key, items[i + 1]);
  }
  return dict;
}

function pushGlobal(machine: PickleMachine, rules: PickleRules, module: string, name: string): void {
  const full = `${module}.${name}`;
  if (!rules.allows(full, machine)) throw machine.refused(`asks for ${JSON.stringify(full)}`);
  machine.push({ kind: "global", name: full });
}

function refuseInstance(machine: PickleMachine, module: string, name: string): never {
  throw machine.refused(`makes an object of ${JSON.stringify(`${module}.${name}`)}`);
}

function stackGlobal(machine: PickleMachine, rules: PickleRules): void {
  const name = machine.pop();
  const module = machine.pop();
  if (typeof name !== "string" || typeof module !== "string")
    throw machine.damaged(`it names a class by ${nameOf(module)} and ${nameOf(name)}`);
  if (module.length + name.length > 2 * pickleLimits.nameBytes)
    throw machine.damaged("a name in it is too long");
  pushGlobal(machine, rules, module, name);
}

function reduce(machine: PickleMachine, rules: PickleRules): void {
  const args = machine.pop();
  const callee = machine.pop();
  if (!isGlobal(callee) || !isTuple(args)) throw machine.refused(`calls ${nameOf(callee)}`);
  const result = rules.call(callee.name, args.items, machine);
  if (result === undefined)
    throw machine.refused(`calls ${callee.name} with arguments that torch.save does not write`);
  machine.push(result);
}

/** An OrderedDict's attributes (`_metadata`: versions of modules) are passed over; nothing else may have any. */
function build(machine: PickleMachine): void {
  const state = machine.pop();
  const target = machine.top();
  if (!isDict(target) || !isDict(state)) throw machine.refused(`sets the state of ${nameOf(target)}`);
}

function persistent(machine: PickleMachine, rules: PickleRules): void {
  const value = rules.persistent(machine.pop());
  if (value === undefined) throw machine.refused("refers to something outside that is not a known storage");
  machine.push(value);
}

/** Containers in containers, and above all in themselves: whoever walks through the value may trust in an end. */
function checkDepth(root: PickleValue, machine: PickleMachine): void {
  const heights = new Map<PickleValue, number>();
  const heightOf = (value: PickleValue, depth: number): number => {
    const known = heights.get(value);
    const height = known ?? 0;
    if (depth + height > pickleLimits.depth)
      throw machine.tooLarge("its containers lie too deep in each other", pickleLimits.depth);
    if (known !== undefined || kindOf(value) === "plain") return height;
    let tallest = 0;
    for (const child of childrenOf(value)) tallest = Math.max(tallest, 1 + heightOf(child, depth + 1));
    heights.set(value, tallest);
    return tallest;
  };
  heightOf(root, 0);
}

function childrenOf(value: PickleValue): Iterable<PickleValue> {
  if (isDict(value)) return value.entries.values();
  if (typeof value === "object" && value !== null && "items" in value) return value.items;
  return [];
}
