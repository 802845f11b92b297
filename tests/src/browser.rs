//! A real browser in front of a real server, driven as a person would drive it: by labels, buttons
//! and links, never by the page's inner names.

use crate::site::Site;
use axum::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Url;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

/// How long a page may take until it shows what a story waits for. A debug build on a busy machine
/// evaluates a file of predictions in some seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser at one site.
#[derive(Clone, Debug)]
pub struct Browser {
    client: Client,
    site: String,
}

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

/// What the reader's system is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

/// chromedriver, ended with the value.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    /// # Panics
    /// When there is none: a test that cannot run must fail.
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Of its own, so that Ctrl-C at the terminal reaches the test first.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "chromedriver does not start ({error}); scripts/setup test installs it \
                     (Debian: chromium chromium-driver)"
                )
            });
        let out = child.stdout.take().expect("stdout is a pipe");
        let port = BufReader::new(out)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ")?.1.trim_matches('.').parse().ok()
            })
            .expect("chromedriver says its port");
        Self { child, port }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells a story in a new browser and closes it, also when the story fails.
pub async fn browse<F, S>(site: &Site, scripts: Scripts, story: F)
where
    F: FnOnce(Browser) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    let driver = Driver::start();
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities(scripts).as_object().cloned().expect("an object"))
        .connect(&format!("http://127.0.0.1:{}", driver.port))
        .await
        .unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
    let browser = Browser { client: client.clone(), site: site.address() };
    let told = tokio::spawn(story(browser)).await;
    let _ = client.close().await;
    drop(driver);
    if let Err(failure) = told {
        std::panic::resume_unwind(failure.into_panic());
    }
}

fn capabilities(scripts: Scripts) -> Value {
    let mut prefs = json!({ "credentials_enable_service": false });
    if scripts == Scripts::Off {
        // What the browser's own settings page writes: 2 is "blocked".
        prefs["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    json!({
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": {
            "prefs": prefs,
            "args": [
                "--headless", "--window-size=1280,900", "--hide-scrollbars",
                // It opens pages of this very process only, and its sandbox refuses to run as root.
                "--no-sandbox", "--disable-dev-shm-usage",
                "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        },
    })
}

/// A command of chromedriver that the client does not know.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// Text as an XPath literal, which knows no escapes.
fn literal(text: &str) -> String {
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    // XPath has no escapes: what stands between single quotes is joined by them.
    let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
    if parts.len() == 1 { parts.concat() } else { format!("concat({})", parts.join(", \"'\", ")) }
}

fn field(label: &str) -> String {
    let label = literal(label);
    format!("//*[@id = //label[normalize-space(text()) = {label}]/@for]")
}

impl Browser {
    pub async fn open(&self, path: &str) {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.site) };
        self.client.goto(&url).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Path and query of the page.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("the page has an address");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    async fn find(&self, what: &str, xpath: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(xpath)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                let path = self.path().await;
                panic!("no {what} at {path} ({error}):\n{}", self.text("body").await)
            }
        }
    }

    /// Types into the field with this label, over what is in it.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.find(&format!("field `{label}`"), &field(label)).await;
        field.clear().await.expect("a field can be cleared");
        field.send_keys(text).await.expect("a field takes text");
    }

    /// Sets a date. Its parts are typed in the order of the browser's language, which is the
    /// machine's own, so the value is set as the browser's picker sets it.
    pub async fn fill_date(&self, label: &str, day: &str) {
        let element = self.find(&format!("field `{label}`"), &field(label)).await;
        let element = serde_json::to_value(element).expect("elements have a wire form");
        self.client
            .execute("arguments[0].value = arguments[1]", vec![element, json!(day)])
            .await
            .expect("a date can be set");
    }

    /// What stands in the field with this label.
    pub async fn value(&self, label: &str) -> String {
        let field = self.find(&format!("field `{label}`"), &field(label)).await;
        field.prop("value").await.expect("a field has a value").unwrap_or_default()
    }

    /// Picks from a list by what the choice says.
    pub async fn choose(&self, label: &str, choice: &str) {
        let field = self.find(&format!("list `{label}`"), &field(label)).await;
        field
            .select_by_label(choice)
            .await
            .unwrap_or_else(|error| panic!("{label}, {choice}: {error}"));
    }

    /// Picks the first from a list that begins so.
    pub async fn choose_starting(&self, label: &str, start: &str) {
        let choice =
            format!("{}/option[starts-with(normalize-space(.), {})]", field(label), literal(start));
        self.find(&format!("choice `{start}` of `{label}`"), &choice)
            .await
            .click()
            .await
            .unwrap_or_else(|error| panic!("{label}, {start}: {error}"));
    }

    pub async fn attach(&self, label: &str, file: &Path) {
        let field = self.find(&format!("field `{label}`"), &field(label)).await;
        field.send_keys(&file.display().to_string()).await.expect("a file can be chosen");
    }

    pub async fn press(&self, button: &str) {
        let xpath = format!("//button[normalize-space(.) = {}]", literal(button));
        self.find(&format!("button `{button}`"), &xpath)
            .await
            .click()
            .await
            .expect("it can be pressed");
    }

    pub async fn follow(&self, link: &str) {
        let xpath = format!("//a[normalize-space(.) = {}]", literal(link));
        self.find(&format!("link `{link}`"), &xpath)
            .await
            .click()
            .await
            .expect("it can be followed");
    }

    /// Waits until the page says this.
    pub async fn sees(&self, text: &str) {
        let xpath = format!("//body[contains(normalize-space(.), {})]", literal(text));
        self.find(&format!("text `{text}`"), &xpath).await;
    }

    /// How many elements of the page as it stands fit.
    pub async fn all(&self, xpath: &str) -> usize {
        let found = self.client.find_all(Locator::XPath(xpath)).await;
        found.unwrap_or_else(|error| panic!("{xpath}: {error}")).len()
    }

    /// How many sheets of A4 the page takes on paper.
    pub async fn printed_sheets(&self) -> usize {
        let page = json!({ "page": { "width": 21.0, "height": 29.7 } });
        let pdf = self.vendor("print", page).await;
        let pdf = BASE64.decode(pdf.as_str().expect("base64")).expect("base64");
        let text = String::from_utf8_lossy(&pdf);
        // Each sheet is an object of the type Page; their tree has the type Pages.
        text.matches("/Type /Page").count() - text.matches("/Type /Pages").count()
    }

    /// The visible text of the first element that fits.
    pub async fn text(&self, css: &str) -> String {
        match self.client.find(Locator::Css(css)).await {
            Ok(element) => element.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    pub async fn element(&self, css: &str) -> fantoccini::elements::Element {
        self.client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("no `{css}`: {error}"))
    }

    pub async fn perform(&self, actions: impl Into<fantoccini::actions::Actions>) {
        self.client.perform_actions(actions).await.expect("the actions are performed");
    }

    /// The value of a script's `return`.
    pub async fn run(&self, script: &str) -> Value {
        self.client
            .execute(script, vec![])
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What a script hands to the function `done`.
    pub async fn run_until_done(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.client.execute_async(&script, vec![]).await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn vendor(&self, path: &'static str, body: Value) -> Value {
        self.client
            .issue_cmd(Vendor { path, body })
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A command of the Chrome DevTools Protocol.
    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        self.vendor("goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    /// Runs a script before the scripts of every page from now on.
    pub async fn inject(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// What the console holds since the last time it was asked: errors, warnings, refusals of the
    /// content security policy.
    pub async fn console(&self) -> Vec<String> {
        let log = self.vendor("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(|it| format!("{}: {}", it["level"], it["message"])).collect()
    }

    pub async fn set_theme(&self, theme: Theme) {
        let value = if theme == Theme::Dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    pub async fn set_size(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Whether the islands of the page have come to life, if it has any.
    pub async fn wait_for_islands(&self) {
        let script = "return !document.querySelector('script[src$=\"islands.js\"]') \
                      || document.documentElement.dataset.islands === 'ready'";
        let started = std::time::Instant::now();
        while self.run(script).await != json!(true) {
            assert!(
                started.elapsed() < PATIENCE,
                "the islands of {} do not come to life (scripts/build-web builds them): {:#?}",
                self.path().await,
                self.console().await,
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn log_in(&self, email: &str, password: &str) {
        self.open("/login").await;
        self.fill("E-mail address", email).await;
        self.fill("Password", password).await;
        self.press("Log in").await;
        self.sees("Log out").await;
    }
}
