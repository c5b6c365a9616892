// A comparison as one picture: every seed as a dot, the mean as a bar with its interval, and below how accuracy grows with
// the supervision steps. Colours are those of Okabe and Ito, told apart also by the colour-blind; lines differ in their
// dashes too.

import type { EntrySummary } from "../../compare/summary.ts";
import { integer, percent } from "./numbers.ts";

export interface ChartText {
  readonly title: string;
  /** One line: what was measured, on what, at which budget. */
  readonly subtitle: string;
}

const WIDTH = 800;
const MARGIN = 28;
/** Where the dots are. */
const PLOT = { left: 290, right: 636 };
const ROW = 50;
const HEAD = 84;
const STEPS_HEIGHT = 210;
const INK = { text: "#1f2430", quiet: "#5b6474", grid: "#e3e6ec", axis: "#9aa3b2", paper: "#ffffff" };
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b8860b", "#000000", "#7f7f7f"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
/** Characters of a name that fit beside the dots. */
const NAME_LENGTH = 33;
/** … and of a title that fit on a line. */
const TITLE_LENGTH = 72;

/** Maps an accuracy onto the paper, and says where its marks are. */
interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** An SVG document. */
export function drawComparison(entries: readonly EntrySummary[], { title, subtitle }: ChartText): string {
  const rowsEnd = HEAD + entries.length * ROW;
  const hasSteps = entries.some(({ bySteps }) => bySteps.length > 1);
  const footTop = rowsEnd + 50;
  const stepsTop = footTop + 66;
  const height = hasSteps ? stepsTop + STEPS_HEIGHT + 56 : footTop + 34;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" role="img" aria-labelledby="title">`,
    `<title id="title">${escapeXml(title)}: exact accuracy of ${entries.length} models</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="${INK.paper}"/>`,
    text(MARGIN, 36, shorten(title, TITLE_LENGTH), { size: 19, bold: true, hover: title }),
    text(MARGIN, 58, subtitle, { size: 13, ink: INK.quiet }),
    ...drawRows(entries, rowsEnd),
    ...drawKey(entries, footTop),
    ...(hasSteps ? drawSteps(entries, stepsTop) : []),
    "</svg>",
    "",
  ].join("\n");
}

function drawRows(entries: readonly EntrySummary[], end: number): string[] {
  const values = entries.flatMap(({ exactAccuracy: { values, interval95 } }) => [
    ...values,
    ...(interval95 ?? []),
  ]);
  const scale = makeScale(values, PLOT.left, PLOT.right);
  const grid = scale.ticks.flatMap((tick) => [
    line(scale.at(tick), HEAD - 6, scale.at(tick), end, INK.grid),
    text(scale.at(tick), end + 16, percent(tick, 0), { size: 12, ink: INK.quiet, anchor: "middle" }),
  ]);
  const [baseline] = entries;
  const atBaseline = scale.at(baseline.exactAccuracy.mean);
  return [
    ...grid,
    line(PLOT.left, end, PLOT.right, end, INK.axis),
    ...(entries.length > 1 ? [line(atBaseline, HEAD - 6, atBaseline, end, INK.quiet, "4 4")] : []),
    text((PLOT.left + PLOT.right) / 2, end + 34, "puzzles solved exactly", {
      ...{ size: 12, ink: INK.quiet, anchor: "middle" },
    }),
    ...entries.flatMap((entry, i) => drawRow(entry, i, HEAD + (i + 0.5) * ROW, scale)),
  ];
}

function drawRow(entry: EntrySummary, index: number, y: number, { at }: Scale): string[] {
  const { values, mean, deviation, interval95 } = entry.exactAccuracy;
  const color = colorOf(index);
  const about = `${integer(entry.parameters)} weights · depth ${entry.effectiveDepth} · ${integer(Math.round(entry.steps))} steps`;
  const [low, high] = (interval95 ?? []).map(clip);
  return [
    line(MARGIN, y - 7, MARGIN + 22, y - 7, color, dashOf(index), 3),
    text(MARGIN + 30, y - 3, shorten(entry.name, NAME_LENGTH), { size: 14, bold: true, hover: entry.name }),
    text(MARGIN + 30, y + 14, about, { size: 11, ink: INK.quiet }),
    ...(interval95 ? [line(at(low), y - 6, at(high), y - 6, color, "", 2)] : []),
    line(at(mean), y - 14, at(mean), y + 2, color, "", 4),
    ...values.map(
      (value) =>
        `<circle cx="${round(at(value))}" cy="${round(y + 10)}" r="4.5" fill="${color}" fill-opacity="0.5"/>`,
    ),
    text(PLOT.right + 22, y + 5, percent(mean), { size: 15, bold: true }),
    ...(deviation === null
      ? []
      : [text(PLOT.right + 86, y + 5, `± ${(100 * deviation).toFixed(1)}`, { size: 13, ink: INK.quiet })]),
  ];
}

function drawKey(entries: readonly EntrySummary[], y: number): string[] {
  const hasInterval = entries.some(({ exactAccuracy }) => exactAccuracy.interval95 !== null);
  const key = [
    "dot: one seed",
    "bar: mean",
    ...(hasInterval ? ["line: 95 % interval of the mean over the seeds"] : []),
    ...(entries.length > 1 ? ["dashed: mean of the first"] : []),
    "±: standard deviation of the seeds",
  ];
  return [text(MARGIN, y + 10, key.join(" · "), { size: 11, ink: INK.quiet })];
}

function drawSteps(entries: readonly EntrySummary[], top: number): string[] {
  const [left, right, bottom] = [MARGIN + 46, WIDTH - MARGIN, top + STEPS_HEIGHT];
  const last = Math.max(...entries.map(({ bySteps }) => bySteps.length));
  const x = (step: number) => left + ((step - 1) / Math.max(1, last - 1)) * (right - left);
  const shares = entries.flatMap(({ bySteps }) => bySteps.map(({ exactAccuracy }) => exactAccuracy));
  const scale = makeScale([0, ...shares], bottom, top);
  const every = Math.max(1, Math.ceil(last / 16));
  const stepMarks = Array.from({ length: last }, (_, i) => i + 1).filter((step) => (step - 1) % every === 0);
  return [
    text(MARGIN, top - 18, "Solved after so many supervision steps (mean over the seeds)", {
      ...{ size: 14, bold: true },
    }),
    ...scale.ticks.flatMap((tick) => [
      line(left, scale.at(tick), right, scale.at(tick), INK.grid),
      text(left - 8, scale.at(tick) + 4, percent(tick, 0), { size: 12, ink: INK.quiet, anchor: "end" }),
    ]),
    line(left, bottom, right, bottom, INK.axis),
    ...stepMarks.map((step) =>
      text(x(step), bottom + 17, String(step), { size: 12, ink: INK.quiet, anchor: "middle" }),
    ),
    text((left + right) / 2, bottom + 36, "supervision step", {
      ...{ size: 12, ink: INK.quiet, anchor: "middle" },
    }),
    ...entries.flatMap(({ bySteps }, i) => {
      const points = bySteps.map(
        ({ step, exactAccuracy }) => `${round(x(step))},${round(scale.at(exactAccuracy))}`,
      );
      const dash = dashOf(i);
      return [
        `<polyline points="${points.join(" ")}" fill="none" stroke="${colorOf(i)}" stroke-width="2.5"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`,
        ...points.map((point) => {
          const [cx, cy] = point.split(",");
          return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colorOf(i)}"/>`;
        }),
      ];
    }),
  ];
}

/** Round marks around the values, never beyond 0 and 100 %. */
function makeScale(values: readonly number[], from: number, to: number): Scale {
  const [low, high] = [clip(Math.min(...values)), clip(Math.max(...values))];
  const room = Math.max(0.02, high - low);
  const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((size) => room / size <= 5) ?? 0.25;
  const first = Math.floor((low - 0.02 * room) / step);
  const last = Math.ceil((high + 0.02 * room) / step);
  const [start, end] = [clip(first * step), clip(last * step)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return {
    at: (value) => from + ((clip(value) - start) / (end - start)) * (to - from),
    ticks: ticks.filter((tick) => tick > -1e-9 && tick < 1 + 1e-9),
  };
}

interface TextStyle {
  readonly size: number;
  readonly bold?: boolean;
  readonly ink?: string;
  readonly anchor?: string;
  /** Shown in full by a browser. */
  readonly hover?: string;
}

function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, bold = false, ink = INK.text, anchor = "start", hover } = style;
  const title = hover === undefined || hover === content ? "" : `<title>${escapeXml(hover)}</title>`;
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${ink}"${anchor === "start" ? "" : ` text-anchor="${anchor}"`}${bold ? ' font-weight="700"' : ""}>${title}${escapeXml(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, ink: string, dash = "", width = 1): string {
  return `<path d="M${round(x1)} ${round(y1)} L${round(x2)} ${round(y2)}" stroke="${ink}" stroke-width="${width}"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`;
}

function colorOf(index: number): string {
  return COLORS[index % COLORS.length];
}

/** Moved on with every round of the colours, so that 32 entries differ. */
function dashOf(index: number): string {
  return DASHES[(index + Math.floor(index / COLORS.length)) % DASHES.length];
}

function shorten(content: string, length: number): string {
  const letters = [...content];
  return letters.length <= length ? content : `${letters.slice(0, length - 1).join("")}…`;
}

function clip(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}

function escapeXml(content: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return content.replaceAll(/[&<>"]/g, (character) => entities[character]);
}
