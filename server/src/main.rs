//! The binary `evenhand`.

fn main() -> std::process::ExitCode {
    server::cli::main()
}
