// Makes what `cargo leptos build --release` makes, from the same settings in Cargo.toml: the program, hash.txt beside it,
// and the site. Only cargo-leptos itself isn't needed, which takes several times as long to build as all of this.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const triple = "wasm32-unknown-unknown";
// Whatever CARGO_TARGET_DIR says: the other scripts look there.
const folder = "target";
// The oldest with all that the page can't do without, such as :has() and color-mix().
const browsers = "chrome111,firefox121,safari16.4";

// Settings that this script follows; others would go unnoticed.
const followed = [
  "output-name",
  "bin-target",
  "bin-features",
  "lib-features",
  "lib-profile-release",
  "style-file",
  "assets-dir",
  "site-root",
  "site-pkg-dir",
  "server-fn-prefix",
];
// Styles are bundled and names hashed, and .cargo/config.toml has the flag for erased components.
const fixed = ["style-bundle", "hash-files", "disable-erase-components"];
const forDevelopment = ["site-addr"];

// Kinds of files that get smaller.
const compressible = [".css", ".js", ".json", ".svg", ".txt", ".wasm"];

// One step that fails ends those beside it.
const stop = new AbortController();

/** Runs a program to its end. What it writes to standard output is returned if `read`, and shown otherwise. */
function run(program, args, { env = {}, read = false } = {}) {
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", read ? "pipe" : "inherit", "inherit"],
      signal: stop.signal,
    });
    child.stdout?.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}`))));
  });
}

/** The package as Cargo knows it. */
async function describe() {
  const cargo = JSON.parse(await run("cargo", ["metadata", "--no-deps", "--format-version=1"], { read: true }));
  const [{ name, targets, metadata }] = cargo.packages;
  const settings = metadata.leptos;
  for (const key of fixed) {
    if (settings[key] !== true) throw new Error(`${key} of [package.metadata.leptos] must be true`);
  }
  for (const key of Object.keys(settings)) {
    if (![...followed, ...fixed, ...forDevelopment].includes(key)) {
      throw new Error(`${key} of [package.metadata.leptos] is not known to .ci/release.mjs`);
    }
  }
  const lib = targets.find(({ kind }) => kind.includes("cdylib")).name;
  return { name, lib, settings };
}

const { name, lib, settings } = await describe();
const output = settings["output-name"];
const profile = settings["lib-profile-release"];
const work = `${settings["site-root"]}.new`;
const made = (file) => join(work, file);
// Leptos reads these while it is compiled.
const env = { LEPTOS_OUTPUT_NAME: output, SERVER_FN_PREFIX: settings["server-fn-prefix"] };

function cargo(command, features, ...args) {
  const common = ["--locked", `--target-dir=${folder}`, `--package=${name}`, "--no-default-features"];
  return run("cargo", [command, ...common, `--features=${features}`, ...args], { env });
}

const server = () => cargo("build", settings["bin-features"], "--release", `--bin=${settings["bin-target"]}`);

/** The browser half: WebAssembly and the script that loads it. */
async function browser() {
  // Where a library is made for Rust as well, Cargo leaves link-time optimization out without a word: a fifth more to load.
  const kind = ["--lib", "--crate-type=cdylib"];
  await cargo("rustc", settings["lib-features"], `--profile=${profile}`, `--target=${triple}`, ...kind);
  const wasm = join(folder, triple, profile, `${lib}.wasm`);
  await run("wasm-bindgen", ["--target=web", `--out-name=${output}`, `--out-dir=${work}`, wasm]);
  await Promise.all([
    optimize(made(`${output}_bg.wasm`), made(`page.wasm`)),
    minify(made(`${output}.js`), made("page.js")),
  ]);
}

// The features are those that rustc uses. What is smallest by itself (-Oz) is not what is smallest once it is compressed.
// Nothing of rustc's lies in the first kilobyte, where its stack would end.
const optimize = (from, to) =>
  run("wasm-opt", [
    "-Os",
    "--low-memory-unused",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    from,
    "-o",
    to,
  ]);

const minify = (from, to, ...args) =>
  run("esbuild", [from, `--outfile=${to}`, "--minify", `--target=${browsers}`, "--log-level=warning", ...args]);

const style = () => minify(settings["style-file"], made("page.css"), "--bundle");

/** Puts the parts into the site, under names that change with them, and returns the lines of hash.txt. */
async function assemble(site) {
  await cp(settings["assets-dir"], site, { recursive: true });
  const pkg = join(site, settings["site-pkg-dir"]);
  await mkdir(pkg);
  // Scripts that crates bring along, which the main one finds by their place.
  if (existsSync(made("snippets"))) await cp(made("snippets"), join(pkg, "snippets"), { recursive: true });
  const lines = [];
  for (const kind of ["js", "wasm", "css"]) {
    const content = await readFile(made(`page.${kind}`));
    const hash = createHash("sha256").update(content).digest("base64url").slice(0, 22);
    await writeFile(join(pkg, `${output}.${hash}.${kind}`), content);
    lines.push(`${kind}: ${hash}\n`);
  }
  return lines.join("");
}

/** Puts compressed copies beside the files of a folder, as small as can be: the server hands them out as they are. */
async function compress(folder) {
  const files = (await readdir(folder, { recursive: true })).filter((name) => compressible.includes(extname(name)));
  const copies = files.map(async (name) => {
    const file = join(folder, name);
    const content = await readFile(file);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
    const [br, gz] = await Promise.all([
      promisify(brotliCompress)(content, { params }),
      promisify(gzip)(content, { level: 9 }),
    ]);
    await Promise.all([writeFile(`${file}.br`, br), writeFile(`${file}.gz`, gz)]);
  });
  await Promise.all(copies);
}

await rm(work, { recursive: true, force: true });
await mkdir(work, { recursive: true });
try {
  await Promise.all([server(), browser(), style()]);
} catch (error) {
  stop.abort();
  throw error;
}
const site = made("site");
const hashes = await assemble(site);
await compress(site);
await rm(settings["site-root"], { recursive: true, force: true });
await rename(site, settings["site-root"]);
await writeFile(join(folder, "release", "hash.txt"), hashes);
await rm(work, { recursive: true });
