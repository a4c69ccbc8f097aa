import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "../harness/program.ts";

/** A measured figure and what it should stay below. */
export type Figure = {
  name: string;
  unit: "s" | "ms" | "µs" | "kB" | "MB" | "×" | "/s" | "%";
  values: number[];
  goal?: number;
};

const figures: Figure[] = [];

export function report(figure: Figure) {
  figures.push(figure);
}

/** The value that `share` of all values do not exceed. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Prints a table and keeps the raw values in `end2end/artifacts/figures.json`. */
export async function printFigures() {
  const digits = { s: 2, ms: 0, µs: 0, kB: 1, MB: 1, "×": 3, "/s": 0, "%": 2 };
  console.log(`\n${"figure".padEnd(62)}${"median".padStart(10)}${"worst".padStart(10)}${"goal".padStart(10)}   n`);
  for (const { name, unit, values, goal } of figures) {
    const show = (value: number) => `${value.toFixed(digits[unit])} ${unit}`.padStart(10);
    const verdict = goal === undefined ? "" : quantile(values, 0.95) <= goal ? "  ok" : "  MISSED";
    const limit = goal === undefined ? "–".padStart(10) : show(goal);
    console.log(
      `${name.padEnd(62)}${show(quantile(values, 0.5))}${show(Math.max(...values))}${limit}${String(values.length).padStart(4)}${verdict}`,
    );
  }
  const folder = join(repository, "end2end/artifacts");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "figures.json"), `${JSON.stringify(figures, null, 2)}\n`);
}
