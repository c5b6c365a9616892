// A CSV of mazes, as `whorl data inspect` describes it.

import { basename } from "node:path";
import { PUZZLE_CSV_HEADER } from "../../formats/csv.ts";
import { imageOf } from "../../tasks/maze/augment.ts";
import { canonicalKey } from "../../tasks/maze/canonical.ts";
import { labelProblem, readMazeFile, type SolvedMaze } from "../../tasks/maze/dataset.ts";
import { drawMazeLines } from "../../tasks/maze/draw.ts";
import { encodeAnswer } from "../../tasks/maze/encode.ts";
import { layOutBlocks } from "../render/arc-task.ts";
import { integer } from "../render/numbers.ts";
import { formatFields } from "../render/table.ts";
import { csvFamilyOf, mazeFamily } from "./families.ts";
import { type DataKind, hashFile, type Inspection, type InspectOptions } from "./inspection.ts";
import { spreadOf, spreadTable } from "./spread.ts";

export const mazeCsv: DataKind = {
  name: `a maze CSV (header ${PUZZLE_CSV_HEADER}; questions of #, space, S and G)`,
  isKind: (path) => csvFamilyOf(path) === "maze",
  inspect: inspectMaze,
};

interface Checks {
  readonly sameAsRule: number;
  /** Mazes that are no image of another of the file. */
  readonly distinct: number;
  /** The first label that differs from the rule's. */
  readonly firstProblem: string | undefined;
}

async function inspectMaze(path: string, options: InspectOptions): Promise<Inspection> {
  const mazes = readMazeFile(path);
  const [{ size }] = mazes;
  const sha256 = await hashFile(path);
  const walls = spreadOf(mazes.map((maze) => maze.walls.reduce((sum, wall) => sum + wall, 0)));
  const paths = spreadOf(mazes.map(({ rating }) => rating));
  const checks = options.check ? checkMazes(mazes) : undefined;
  const examples = mazes.length;
  return {
    summary: {
      ...{ task: "maze", size, examples, puzzles: examples, groups: examples, identifiers: 1, paths, walls },
      ...(checks && { labelsOfRule: checks.sameAsRule, distinct: checks.distinct }),
      sha256: { [basename(path)]: sha256 },
    },
    lines: [
      ...formatFields([
        ["file", path],
        ["task", mazeFamily.title(size)],
        ["mazes", integer(examples)],
        [
          "answers",
          checks ? describeChecks(checks, examples) : "a path each by the file; --check solves them again",
        ],
        ["sha256", sha256],
      ]),
      "",
      ...spreadTable([
        ["path cells", paths],
        ["walls", walls],
      ]),
      ...mazes.slice(0, options.show).flatMap((maze, index) => ["", ...drawWithImages(maze, index, options)]),
    ],
  };
}

function checkMazes(mazes: readonly SolvedMaze[]): Checks {
  const problems = mazes.map(labelProblem);
  const first = problems.findIndex((problem) => problem !== undefined);
  return {
    sameAsRule: problems.filter((problem) => problem === undefined).length,
    distinct: new Set(mazes.map(canonicalKey)).size,
    firstProblem: first < 0 ? undefined : `maze ${first + 1}: ${problems[first]}`,
  };
}

function describeChecks({ sameAsRule, distinct, firstProblem }: Checks, mazes: number): string {
  const repeated = mazes - distinct;
  const twice =
    repeated === 0 ? "no two mazes are images of each other" : `${integer(repeated)} are images of others`;
  if (firstProblem === undefined)
    return `the shortest path of the rule: all ${integer(mazes)} solved again; ${twice}`;
  return `${integer(mazes - sameAsRule)} of ${integer(mazes)} are not the rule's path (${firstProblem}); ${twice}`;
}

/** Question and answer, and two of the other images. */
function drawWithImages(maze: SolvedMaze, index: number, { width, colors }: InspectOptions): string[] {
  const style = colors.isColorSupported ? { colors } : {};
  const answer = new Int32Array(maze.size ** 2);
  encodeAnswer(maze, answer);
  const images = [1, 2].map((symmetry) => [
    `augmentation ${symmetry}`,
    ...drawMazeLines(imageOf(maze, symmetry), style),
  ]);
  return layOutBlocks(
    [
      [`maze ${index + 1}`, ...drawMazeLines(maze, style)],
      ["answer", ...drawMazeLines(maze, { ...style, answer })],
      ...images,
    ],
    width,
  );
}
