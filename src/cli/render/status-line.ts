// Progress for people, on stderr: one live line on a terminal, a plain line every few seconds anywhere else.

const LIVE_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 5000;

export interface StatusLine {
  /** Shows a new state; drawn only as often as a reader can follow. */
  update(makeText: () => string): void;
  /** Prints a line that stays, above the live one. */
  note(text: string): void;
  /** Ends with a last state that stays. */
  finish(text?: string): void;
}

export function makeStatusLine(output: NodeJS.WriteStream = process.stderr): StatusLine {
  const isLive = output.isTTY === true;
  const intervalMs = isLive ? LIVE_INTERVAL_MS : PLAIN_INTERVAL_MS;
  let shownMs = Number.NEGATIVE_INFINITY;
  let live = "";
  const draw = (text: string) => {
    live = text.slice(0, Math.max(20, (output.columns ?? 80) - 1));
    output.write(`\r\x1b[2K${live}`);
  };
  return {
    update(makeText) {
      const now = performance.now();
      if (now - shownMs < intervalMs) return;
      shownMs = now;
      if (isLive) draw(makeText());
      else output.write(`${makeText()}\n`);
    },
    note(text) {
      output.write(isLive && live ? `\r\x1b[2K${text}\n${live}` : `${text}\n`);
    },
    finish(text) {
      if (isLive && live) output.write("\r\x1b[2K");
      live = "";
      if (text !== undefined) output.write(`${text}\n`);
    },
  };
}
