//! Prepares what the binary embeds: one style sheet out of `style/`, and a folder for the browser
//! part, which may not have been built yet.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=../style");
    println!("cargo::rerun-if-changed=../migrations");
    println!("cargo::rerun-if-changed=assets/pkg");

    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let style = Path::new("../style");
    let main = fs::read_to_string(style.join("main.css")).unwrap_or_default();
    let mut css = String::new();
    for line in main.lines() {
        match line.trim().strip_prefix("@import \"").and_then(|rest| rest.split('"').next()) {
            Some(part) => {
                let path = style.join(part);
                css += &fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
            None => css += line,
        }
        css.push('\n');
    }
    fs::write(Path::new(&out).join("main.css"), css).expect("OUT_DIR can be written");
    fs::create_dir_all("assets/pkg").expect("the package's own folder can be written");
}
