// YAML text and `key=value` words as flat lists of settings, each with the place it comes from.
// Names are not checked here; see load.ts.

import { type Document, isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { ToolError } from "../base/errors.ts";

export interface Setting {
  /** Dotted name as written. */
  path: string;
  value: unknown;
  /** `file:line`, or the word on the command line. */
  where: string;
}

/** Files beyond these hold aliases that go in circles or multiply. */
const maximumDepth = 20;
const maximumSettings = 1000;

/** The settings of a YAML (or JSON) file in their order. */
export function parseSettings(text: string, fileName: string): Setting[] {
  const lineCounter = new LineCounter();
  const whereAt = (offset: number) => `${fileName}:${lineCounter.linePos(offset).line}`;
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [problem] = document.errors;
  if (problem) {
    throw new ToolError(`not valid YAML: ${problem.message}`, {
      code: "config/yaml",
      where: whereAt(problem.pos[0]),
      hint: "correct the line",
      exitCode: 2,
    });
  }
  const context = { document, whereOf: (node: Node) => whereAt(node.range?.[0] ?? 0), settings: [] };
  if (document.contents !== null) flatten(context, document.contents, "", `${fileName}:1`, 0);
  return context.settings;
}

/** One word of the command line; a mapping as value gives several settings. */
export function parseOverride(word: string): Setting[] {
  const where = `\`${word}\` on the command line`;
  const fail = (what: string, hint: string) =>
    new ToolError(what, { code: "config/override", where, hint, exitCode: 2 });
  // Hydra's `+key=value` adds a key; here that makes no difference.
  const [, path, text] = /^\+{0,2}([\w.]+)=(.*)$/s.exec(word) ?? [];
  if (path === undefined) throw fail("not a setting", "write key=value, for instance train.steps=500");
  if (text.trim() === "") throw fail(`no value for ${path}`, "write a value, or null for none");
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0 || document.contents === null)
    throw fail(`the value of ${path} is not valid YAML`, `put it in quotes: '${path}="…"'`);
  const context = { document, whereOf: () => where, settings: [] };
  flatten(context, document.contents, path, where, 0);
  return context.settings;
}

interface Context {
  document: Document;
  whereOf: (node: Node) => string;
  settings: Setting[];
}

/** Adds all settings at and below `node` to the context's list. */
function flatten(context: Context, node: Node, path: string, where: string, depth: number) {
  const { document, whereOf, settings } = context;
  if (depth > maximumDepth || settings.length > maximumSettings)
    throw notSettings("too many settings inside one another", where);
  const content = isAlias(node) ? node.resolve(document) : node;
  if (!isMap<Node, Node | null>(content)) {
    if (path === "") throw notSettings("not a mapping of settings", where);
    settings.push({ path, value: plainValue(node, document, where), where });
    return;
  }
  for (const { key, value } of content.items) {
    if (!isScalar(key)) throw notSettings("a key that is not a plain word", where);
    const below = path === "" ? String(key.value) : `${path}.${key.value}`;
    if (value === null) settings.push({ path: below, value: null, where: whereOf(key) });
    else flatten(context, value, below, whereOf(key), depth + 1);
  }
}

function plainValue(node: Node, document: Document, where: string): unknown {
  try {
    return node.toJS(document);
  } catch {
    // The parser's guard against aliases that multiply.
    throw notSettings("aliases that cannot be resolved", where);
  }
}

function notSettings(what: string, where: string) {
  const hint = "a configuration looks like `train:` and below it, indented, `steps: 500`";
  return new ToolError(what, { code: "config/not-settings", where, hint, exitCode: 2 });
}
