// Numbers as people read them.

export function percent(share: number, digits = 1): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : "–";
}

/** 75 s, 12 min, 3 h 05 min. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** 1.2 TFLOP, 42.7 GFLOP. */
export function flop(count: number): string {
  const units = ["", "k", "M", "G", "T", "P", "E"];
  let value = count;
  let unit = 0;
  // From 999.5 on, three digits would round to 1.00e+3.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toPrecision(3)} ${units[unit]}FLOP`;
}

/** 5,028,866 */
export function integer(value: number): string {
  return value.toLocaleString("en-US");
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MiB`;
}
