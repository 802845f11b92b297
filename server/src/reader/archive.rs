//! Inspect's `.eval` archives: a ZIP whose members are the parts of one log.

use metrics::Problem;
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// Unpacked bytes that one member may have; a few packed ones can ask for all memory.
const MOST: u64 = 256 << 20;

/// All of a log but its samples.
const HEADER: &str = "header.json";
/// What is there from the start of a run.
const JOURNAL: &str = "_journal/start.json";
/// The samples without their conversations.
const SUMMARIES: &str = "summaries.json";

/// The log that an archive is, as the `.json` log has it; `None` where the bytes are no archive of
/// Inspect's.
///
/// # Errors
/// When a member cannot be unpacked, or the run never came to its end.
pub fn log(bytes: &[u8]) -> Option<Result<Vec<u8>, Problem>> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let mut archive = match ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive,
        // Cut off: the directory of a ZIP stands at its end.
        Err(error) => {
            return Some(Err(Problem::new(
                "broken_archive",
                format!("the archive cannot be read: {error}"),
            )
            .at_cell(None, None)
            .expected("a whole `.eval` archive; for other archives, the file unpacked")));
        }
    };
    let has = |name: &str| archive.index_for_name(name).is_some();
    match (has(HEADER), has(JOURNAL)) {
        (true, _) => Some(together(&mut archive)),
        (false, true) => Some(Err(Problem::new(
            "unfinished_run",
            format!("the archive has no `{HEADER}`: the run was broken off"),
        )
        .at_pointer("")
        .expected("the archive of a run that came to its end"))),
        (false, false) => None,
    }
}

/// Header and samples in one JSON text.
fn together(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<Vec<u8>, Problem> {
    let mut log = member(archive, HEADER)?.unwrap_or_default();
    let Some(summaries) = member(archive, SUMMARIES)? else { return Ok(log) };
    log.truncate(log.trim_ascii_end().len());
    if log.pop_if(|last| *last == b'}').is_some() {
        log.extend_from_slice(b",\"samples\":");
        log.extend_from_slice(&summaries);
        log.push(b'}');
    }
    Ok(log)
}

fn member(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    let broken = |what: String| {
        Problem::new("broken_archive", format!("`{name}` in the archive {what}"))
            .at_pointer("")
            .expected("a whole `.eval` archive, as Inspect wrote it")
    };
    let member = match archive.by_name(name) {
        Ok(member) => member,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(broken(format!("cannot be unpacked: {error}"))),
    };
    let mut bytes = Vec::new();
    let read = member.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| broken(format!("cannot be unpacked: {error}")))?;
    if bytes.len() as u64 > MOST {
        return Err(broken(format!("has more than {} MiB", MOST >> 20)));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn fixture(name: &str) -> Vec<u8> {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/exports/inspect");
        std::fs::read(folder.join(name)).expect("a fixture")
    }

    #[test]
    fn an_archive_is_the_log_with_its_samples() {
        let log = log(&fixture("popularity.eval")).expect("an archive").expect("it can be read");
        let log: serde_json::Value = serde_json::from_slice(&log).expect("it is JSON");
        assert_eq!(log["status"], "success");
        assert_eq!(log["samples"].as_array().map(Vec::len), Some(40));
        assert_eq!(log["samples"][0]["metadata"]["label_confidence_band"], "low");
    }

    #[test]
    fn an_archive_cut_anywhere_is_refused_in_words() {
        let whole = fixture("popularity.eval");
        for kilobytes in 1..whole.len() / 1024 {
            let cut = log(&whole[..kilobytes * 1024]).expect("it begins like an archive");
            let problem = cut.expect_err("its directory is missing");
            assert_eq!(problem.code, "broken_archive");
            assert!(problem.expected.is_some());
        }
    }

    #[test]
    fn an_archive_with_a_flipped_byte_never_panics() {
        let whole = fixture("interrupted_error.eval");
        for at in (0..whole.len()).step_by(7) {
            let mut broken = whole.clone();
            broken[at] ^= 0x55;
            let _ = log(&broken);
        }
    }
}
