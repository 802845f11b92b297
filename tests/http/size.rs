//! How much a page costs whoever opens it.

use std::io::Write as _;
use tests::TestServer;
use tests::crawl::crawl;

/// 60 kB: a second on a slow line.
const BUDGET: usize = 61_440;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_demo_with_its_style_fits_in_sixty_kilobytes_of_brotli() {
    let server = TestServer::demo().await;
    let client = TestServer::log_in_to(&server.app, "ada@evenhand.example").await;
    let style = packed(&client.get("/assets/main.css").await.assert_status(200).body);
    let found = crawl(&client, &server::http::routes(&server.app)).await;
    let mut too_large = vec![];
    for path in &found.pages {
        let size = style + packed(&client.get(path).await.assert_status(200).body);
        if size > BUDGET {
            too_large.push(format!("{path}: {size} bytes"));
        }
    }
    assert!(found.pages.len() > 20, "the demo has more pages than {:?}", found.pages);
    assert!(too_large.is_empty(), "of at most {BUDGET}: {too_large:#?}");
}

fn packed(bytes: &[u8]) -> usize {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 9, 22);
    writer.write_all(bytes).expect("memory takes everything");
    writer.into_inner().len()
}
