//! `web-bindgen MODULE.wasm OUT_DIR NAME` writes `OUT_DIR/NAME.js` and `OUT_DIR/NAME_bg.wasm` as an ES module.

use std::env;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, out_dir, name] = arguments.as_slice() else {
        eprintln!("usage: web-bindgen MODULE.wasm OUT_DIR NAME");
        return ExitCode::from(64);
    };
    let generated = Bindgen::new()
        .input_path(module)
        .out_name(name)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(out_dir));
    match generated {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web-bindgen failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
