// Mazes as a task: how they are read, turned, judged and drawn, in the form that all families share.

import type { Task } from "../task.ts";
import { drawImage, imageOf } from "./augment.ts";
import { canonicalKey, symmetryInvariant } from "./canonical.ts";
import { readMazeFile } from "./dataset.ts";
import { decodeMaze } from "./decode.ts";
import { drawMazeLines } from "./draw.ts";
import { encodeAnswer, encodeQuestion, formatTokens, VOCABULARY } from "./encode.ts";
import { drawMaze, usualMinPath } from "./generate.ts";
import { type Maze, parseMaze, solveMaze } from "./rules.ts";
import { scoreMaze } from "./score.ts";

/** Questions as inputs, answers as labels; every cell is supervised, walls too. */
export function mazeTask(size: number): Task<Maze> {
  return {
    family: "maze",
    title: `maze ${size}×${size}`,
    seqLen: size * size,
    vocabSize: VOCABULARY,
    encode(maze, inputs, labels) {
      encodeQuestion(maze, inputs);
      encodeAnswer(maze, labels);
    },
    augment: drawImage,
    score: scoreMaze,
    draw: (maze, tokens) => drawMazeLines(maze, { answer: tokens }),
    generate: (random) => drawMaze(size, usualMinPath(size), random),
    read: readMazeFile,
    decode: decodeMaze,
    image: imageOf,
    key: canonicalKey,
    roughKey: symmetryInvariant,
    parse: (text) => solveMaze(parseMaze(text)),
    format: formatTokens,
    difficulty: [{ unit: "cells of the path", of: ({ rating }) => (rating > 0 ? rating : undefined) }],
  };
}
