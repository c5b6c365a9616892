// Saved ARC predictions as ballots: the arrays that the reference's evaluator works on, from an .npz file of any
// program. The shards of `whorl eval` are such files (shard-file.ts).

import { ToolError } from "../base/errors.ts";
import { int32Values, type NpyArray } from "../formats/npy.ts";
import { readNpz } from "../formats/npz.ts";
import { type Ballot, ballotOf } from "../tasks/arc/vote.ts";

/** Identifier of rows that only fill up a batch. */
const BLANK = 0;

interface Canvases {
  readonly side: number;
  readonly tokens: Uint8Array | Int32Array; // [n, side · side]
}

/**
 * The ballots of a file in its order, blank rows left out.
 * @param names by identifier, as in identifiers.json
 */
export async function* readBallots(path: string, names: readonly string[]): AsyncGenerator<Ballot> {
  const arrays = await readNpz(path);
  const identifiers = int32Values(pick(arrays, "puzzle_identifiers", path), `puzzle_identifiers of ${path}`);
  if (pick(arrays, "puzzle_identifiers", path).shape.length !== 1)
    throw misfit("puzzle_identifiers is not a list of numbers", path);
  const haltLogits = floatsOf(arrays, "q_halt_logits", identifiers.length, path);
  const inputs = canvasesOf(arrays, "inputs", identifiers.length, path);
  const predictions = canvasesOf(arrays, "preds", identifiers.length, path);
  const { side } = inputs;
  if (predictions.side !== side)
    throw misfit(`inputs have ${side ** 2} cells and preds ${predictions.side ** 2}`, path);
  for (const [row, id] of identifiers.entries()) {
    if (id === BLANK) continue;
    const identifier = names[id];
    if (identifier === undefined)
      throw misfit(
        `row ${row} has the identifier ${id}, the data set has names for 0 to ${names.length - 1}`,
        path,
      );
    const cells = ({ tokens }: Canvases) => tokens.subarray(row * side * side, (row + 1) * side * side);
    const view = { identifier, inputs: cells(inputs), predictions: cells(predictions) };
    yield ballotOf({ ...view, haltLogit: haltLogits[row] }, side);
  }
}

function pick(arrays: ReadonlyMap<string, NpyArray>, name: string, path: string): NpyArray {
  const array = arrays.get(name);
  if (array) return array;
  throw misfit(`there is no ${name}, only ${[...arrays.keys()].join(", ") || "nothing"}`, path);
}

function canvasesOf(
  arrays: ReadonlyMap<string, NpyArray>,
  name: string,
  rows: number,
  path: string,
): Canvases {
  const array = pick(arrays, name, path);
  const side = Math.sqrt(array.shape[1] ?? 0);
  if (array.shape.length !== 2 || array.shape[0] !== rows || !Number.isInteger(side) || side === 0)
    throw misfit(`${name} is [${array.shape.join(", ")}], not [${rows}, cells of a square]`, path);
  return { side, tokens: array.dtype === "uint8" ? array.data : int32Values(array, `${name} of ${path}`) };
}

function floatsOf(
  arrays: ReadonlyMap<string, NpyArray>,
  name: string,
  rows: number,
  path: string,
): Float32Array | Float64Array {
  const { dtype, shape, data } = pick(arrays, name, path);
  if (shape.length !== 1 || shape[0] !== rows)
    throw misfit(`${name} is [${shape.join(", ")}], not [${rows}]`, path);
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw misfit(`${name} holds ${dtype} values, not floats`, path);
}

function misfit(problem: string, path: string): ToolError {
  return new ToolError(`not predictions for this data set: ${problem}`, {
    code: "arc/bad-predictions",
    where: path,
    hint: "needed are puzzle_identifiers [n], inputs and preds [n, cells] and q_halt_logits [n], of the same data set",
  });
}
