//! `tokenway-bindgen MODULE FOLDER`: writes the module, its JavaScript and its types into the folder.

use std::env::args_os;
use std::error::Error;
use std::path::PathBuf;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = args_os().skip(1).map(PathBuf::from);
    let (Some(module), Some(folder), None) = (given.next(), given.next(), given.next()) else {
        return Err("usage: tokenway-bindgen MODULE FOLDER".into());
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name("tokenway").web(true)?.typescript(true).omit_default_module_path(false);
    Ok(bindgen.generate(folder)?)
}
