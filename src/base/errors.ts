// The one error class of the tool. A message says what is wrong with the actual value, where it is,
// and what to do next; the command line prints exactly that and no stack (unless DEBUG is set).

export interface ToolErrorOptions {
  /** Stable, documented identifier, for instance `config/unknown-key`. */
  code: string;
  /** Place of the problem: a config key, a file and line, an op with its shapes. */
  where?: string;
  /** What to do next. */
  hint?: string;
  /** Process exit code: 1 failed (default), 2 wrong usage, 3 below a threshold that was asked for. */
  exitCode?: 1 | 2 | 3;
  cause?: unknown;
}

/** An expected failure, told to the user in one message. */
export class ToolError extends Error {
  readonly code: string;
  readonly where: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2 | 3;

  constructor(message: string, options: ToolErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ToolError";
    this.code = options.code;
    this.where = options.where;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }

  /** The message as the user sees it: what — where — what next. */
  format(): string {
    return [this.message, this.where, this.hint].filter(Boolean).join(" — ");
  }
}

/** Guards an internal impossibility; a failure here is a bug of Whorl, never of the user. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${message} (please report this)`);
}
