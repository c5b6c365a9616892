// The worker threads of the WebAssembly executor (native/wasm/worker.mjs): off the event loop, so that Ctrl-C and progress
// work while a run goes on. Threads are kept for the next run and do not keep the process alive between runs.

import { Worker } from "node:worker_threads";
import { type Block, growBlock, WASM_FOLDER, type WasmInstance } from "./instance.ts";

/** Enough for the deepest kernel, whose arrays on the stack are a few KiB. */
const STACK_BYTES = 256 * 1024;

interface Thread {
  readonly worker: Worker;
  readonly stack: Block;
  readonly arena: Block;
  readonly scratch: Block;
  /** Set while a run goes on: called with what went wrong, or nothing. */
  settle: ((problem: string) => void) | undefined;
}

export interface Threads {
  /** Threads 0 … count-1 with arenas of at least so many bytes. */
  prepare(count: number, arenaBytes: number): void;
  /** The first `count` threads take lanes of the run until none is left. */
  run(run: number, count: number): Promise<void>;
  liveBytes(): number;
}

export function makeThreads(instance: WasmInstance): Threads {
  const threads: Thread[] = [];
  const scratchBytes = instance.exports.scratchBytes();

  function start(): Thread {
    const stack: Block = { at: 0, bytes: 0 };
    growBlock(instance, stack, STACK_BYTES);
    const { module, memory } = instance;
    const worker = new Worker(new URL("worker.mjs", WASM_FOLDER), {
      workerData: { module, memory, stackTop: stack.at + stack.bytes },
      execArgv: [],
    });
    const thread: Thread = {
      worker,
      stack,
      arena: { at: 0, bytes: 0 },
      scratch: { at: 0, bytes: 0 },
      settle: undefined,
    };
    worker.on("message", (problem: string) => thread.settle?.(problem));
    worker.on("error", (error) => lose(thread, error.message));
    worker.on("exit", () => lose(thread, "a thread ended"));
    worker.unref();
    return thread;
  }

  /** A thread that died: the next run starts another in its place. */
  function lose(thread: Thread, problem: string): void {
    const index = threads.indexOf(thread);
    if (index < 0) return;
    threads.splice(index, 1);
    for (const { at, bytes } of [thread.stack, thread.arena, thread.scratch])
      if (bytes > 0) instance.exports.release(at);
    thread.settle?.(problem);
  }

  function runOn(thread: Thread, run: number): Promise<string> {
    return new Promise((resolve) => {
      thread.settle = (problem) => {
        thread.settle = undefined;
        thread.worker.unref();
        resolve(problem);
      };
      thread.worker.ref();
      thread.worker.postMessage({ run, arena: thread.arena.at, scratch: thread.scratch.at });
    });
  }

  return {
    prepare(count, arenaBytes) {
      while (threads.length < count) threads.push(start());
      for (const { arena, scratch } of threads.slice(0, count)) {
        growBlock(instance, arena, Math.max(arenaBytes, 64));
        growBlock(instance, scratch, scratchBytes);
      }
    },
    async run(run, count) {
      // All of them, also after a failure: nothing may still be running when the caller frees the run.
      const problems = await Promise.all(threads.slice(0, count).map((thread) => runOn(thread, run)));
      const problem = problems.find((text) => text !== "");
      if (problem !== undefined) throw new Error(`the WebAssembly executor failed: ${problem}`);
    },
    liveBytes: () =>
      threads.reduce((sum, { stack, arena, scratch }) => sum + stack.bytes + arena.bytes + scratch.bytes, 0),
  };
}
