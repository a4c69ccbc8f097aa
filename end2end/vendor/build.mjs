// Bundles the parts of ECharts that the dashboard uses into public/vendor/echarts.min.js, with its licence notices.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const home = dirname(createRequire(import.meta.url).resolve("echarts/package.json"));
const { version } = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
const notice = (await readFile(join(home, "NOTICE"), "utf8")).trim();
const zrender = dirname(createRequire(join(home, "package.json")).resolve("zrender/package.json"));
const zrenderLicence = (await readFile(join(zrender, "LICENSE"), "utf8")).trim();
const outfile = join(here, "../../public/vendor/echarts.min.js");

// What ECharts always brings along and the dashboard's charts never reach, each with what takes its place.
const nothing = "export default function () {}";
const unused = {
  "i18n/langZH.js": "export default {};",
  "theme/dark.js": "export default {};",
  "theme/light.js": "export default {};",
  // Patterns in place of colours, and descriptions of charts: the page has its own.
  "util/decal.js": "export function createOrUpdatePatternFromDecal() {}",
  "visual/decal.js": nothing,
  "visual/aria.js": nothing,
  // Options as older versions had them.
  "preprocessor/backwardCompat.js": nothing,
  "loading/default.js": nothing,
  // Data sets that are made of others.
  "data/helper/transform.js":
    "export class ExternalSource {} export function applyDataTransform() {} export function registerExternalTransform() {}",
  "component/tooltip/seriesFormatTooltip.js": "export function defaultSeriesFormatTooltip() {}",
};
const left = new Set(Object.keys(unused));
const withoutUnused = {
  name: "without-unused",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]echarts[\\/]lib[\\/]/ }, ({ path }) => {
      const name = relative(join(home, "lib"), path).replaceAll("\\", "/");
      return left.delete(name) ? { contents: unused[name] } : undefined;
    });
  },
};

const { metafile } = await build({
  entryPoints: [join(here, "echarts.js")],
  outfile,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  // Takes the development branches out.
  define: { "process.env.NODE_ENV": '"production"' },
  // Copied parts (d3, tslib) carry their notices in comments; those of ECharts and zrender come on top.
  legalComments: "inline",
  banner: { js: `/*! ECharts ${version}, Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0)\n${notice}\n\nzrender:\n${zrenderLicence}\n*/` },
  metafile: true,
  plugins: [withoutUnused],
  logLevel: "warning",
});
if (left.size > 0) throw new Error(`ECharts ${version} has no ${[...left].join(", ")}: look again at what is unused`);
const [bytes] = Object.values(metafile.outputs).map((output) => output.bytes);
console.log(`public/vendor/echarts.min.js: ECharts ${version}, ${Math.round(bytes / 1000)} kB`);
