//! A file is what its content says, whatever its name: formats, and what packs them.

use crate::{HEADER, SPEC, gzip, parquet, people, read, shown};

#[test]
fn rubbish_by_any_name_is_called_what_it_is() {
    let rubbish: Vec<u8> =
        (0..5_000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    for (bytes, what) in [
        (rubbish.as_slice(), "neither text nor Parquet"),
        (b"PK\x03\x04....", "a ZIP archive (a spreadsheet, perhaps)"),
        (b"\xff\xfel\0a\0b\0", "text in UTF-16; save it as UTF-8"),
    ] {
        let problems = shown(read("rubbish.csv", bytes, SPEC));
        assert_eq!(problems, [format!("the file is {what} (expected CSV, Parquet or NDJSON)")]);
    }
}

#[test]
fn gzip_of_the_wrong_thing_says_of_what() {
    assert_eq!(
        shown(read("rubbish.gz", &gzip(&[0, 1, 2, 3, 255]), SPEC)),
        ["it is gzip of neither text nor Parquet (expected CSV, Parquet or NDJSON)"]
    );
    assert_eq!(
        shown(read("twice.gz", &gzip(&gzip(HEADER.as_bytes())), SPEC)),
        ["it is gzip of a compressed file (expected a file compressed once)"]
    );
    let whole = gzip(format!("{HEADER}{}", "1,0.5,1,F,A\n".repeat(50_000)).as_bytes());
    let cut = shown(read("cut.gz", &whole[..whole.len() / 2], SPEC));
    assert!(cut[0].contains("breaks off") || cut[0].contains("is broken"), "{cut:?}");
}

#[test]
fn every_format_is_read_from_gzip_and_zstd_whatever_its_name() {
    let csv = format!("{HEADER}1,0.9,1,F,A\n0,0.2,0,M,B\n1,0.4,0,F,\n0,0.6,1,M,A\n");
    let known = read("plain", csv.as_bytes(), SPEC).unwrap();
    let ndjson = crate::ndjson::of_csv(&csv);
    for (format, bytes) in
        [("csv", csv.into_bytes()), ("ndjson", ndjson.into_bytes()), ("parquet", parquet(people()))]
    {
        for (packing, bytes) in [
            (String::new(), bytes.clone()),
            (", gzip".to_owned(), gzip(&bytes)),
            (", zstd".to_owned(), zstd::encode_all(bytes.as_slice(), 1).unwrap()),
        ] {
            let evaluation = read("data.txt", &bytes, SPEC).unwrap();
            assert_eq!(evaluation.receipt.format, format!("{format}{packing}"));
            assert_eq!(evaluation.document, known.document, "{format}{packing}");
        }
    }
}

#[test]
fn a_small_file_that_unpacks_to_gigabytes_of_parquet_is_refused() {
    let mut bytes = b"PAR1".to_vec();
    bytes.resize(64 << 20, 0);
    let problems = shown(read("bomb.gz", &gzip(&bytes), SPEC));
    assert!(problems[0].starts_with("the file unpacks to more than"), "{problems:?}");
}

#[test]
fn a_json_array_is_told_how_it_would_be_read() {
    assert_eq!(
        shown(read("array.json", b"[\n {\"label\": 1}]", SPEC)),
        ["the file is a JSON array \
          (expected NDJSON: one JSON object per line, without brackets around)"]
    );
}

#[test]
fn text_with_any_byte_changed_or_lost_is_refused_or_read() {
    let csv = format!("{HEADER}1,0.9,1,F,\"A\"\n0,0.2,0,M,B\n1,0.4,0,F,\n").into_bytes();
    let ndjson = crate::ndjson::of_csv(&String::from_utf8(csv.clone()).unwrap()).into_bytes();
    for whole in [csv.clone(), ndjson, gzip(&csv), zstd::encode_all(csv.as_slice(), 1).unwrap()] {
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x55;
            for bytes in [changed.as_slice(), &whole[..at]] {
                if let Err(problems) = read("changed.txt", bytes, SPEC) {
                    assert!(!problems.is_empty());
                }
            }
        }
    }
}
