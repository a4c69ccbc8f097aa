//! `wasm-bindgen --target=web --out-name=NAME --out-dir=FOLDER WASM`: makes NAME.js and NAME_bg.wasm for a page out of what
//! Cargo built for the browser.

use anyhow::{Context, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, name, folder, wasm] = arguments.as_slice() else { bail!("four arguments are known: {USAGE}") };
    let ("--target=web", Some(name), Some(folder)) =
        (target.as_str(), name.strip_prefix("--out-name="), folder.strip_prefix("--out-dir="))
    else {
        bail!("only these arguments are known: {USAGE}")
    };
    Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .generate(folder)
        .with_context(|| format!("can't make a page's parts of {wasm}"))
}

const USAGE: &str = "wasm-bindgen --target=web --out-name=NAME --out-dir=FOLDER WASM";
