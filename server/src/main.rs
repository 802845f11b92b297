//! The binary `evenhand`.

/// Evaluating takes large blocks on several threads and gives them back: the system's allocator
/// returns each to the kernel at once, which interrupts all cores and costs a third of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::cli::main()
}
