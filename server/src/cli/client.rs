//! A client of a server's API: where it is, who asks, and what to do when it does not answer.

mod refusal;
mod retry;

pub use refusal::read;

use super::Failure;
use super::output::{COULD_NOT_ASK, MISUSED, clean};
use axum::body::Bytes;
use clap::Args;
use futures::{Stream, StreamExt, future, stream};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::{self, HeaderValue};
use reqwest::{Body, RequestBuilder, StatusCode, Url, redirect};
use retry::{Delays, Patience, TRIES};
use std::error::Error as _;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_util::io::{InspectReader, ReaderStream};

const TOKEN: &str = "EVENHAND_TOKEN";

/// How much of a file is sent at once.
const CHUNK: usize = 1 << 16;

/// How long a server may take to refuse a request by its head alone.
const GRACE: Duration = Duration::from_millis(300);

/// An answer that is made of what is stored comes sooner than this; an upload may take longer.
const LONGEST_ANSWER: Duration = Duration::from_mins(1);

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// Where the server is
    #[arg(
        long = "server",
        env = "EVENHAND_SERVER",
        hide_env_values = true,
        default_value = "http://127.0.0.1:3000",
        value_name = "URL"
    )]
    address: String,
    /// File with the API token, - for standard input [default: the variable EVENHAND_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Send the token to another machine without TLS
    #[arg(long)]
    insecure_http: bool,
}

/// A server, and the right to ask it.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: HeaderValue,
}

/// What the server said, whether yes or no.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: String,
    /// Where it points with a redirect.
    pub location: Option<String>,
    /// How long it asks to wait before the next question.
    pub again: Option<Duration>,
    /// How often it was asked.
    pub tries: u32,
}

/// What came of one try: an answer, or nothing whole.
type Heard = Result<Answer, reqwest::Error>;

impl Server {
    /// Checks everything that can be checked without asking.
    pub fn connect(&self) -> Result<Client, Failure> {
        let base = self.url()?;
        let near = is_loopback(&base);
        if base.scheme() == "http" && !near && !self.insecure_http {
            return Err(misused(format!(
                "{base} is another machine, and without TLS everybody on the way could read the \
                 token; use https://, or say --insecure-http"
            )));
        }
        let token = self.token(&base)?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("evenhand/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .tcp_keepalive(Duration::from_secs(30))
            // A redirected POST would arrive as a GET, or without its body.
            .redirect(redirect::Policy::none());
        if near {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| could_not_ask(error.to_string()))?;
        Ok(Client { http, base, token })
    }

    fn url(&self) -> Result<Url, Failure> {
        let given = clean(self.address.trim());
        let wrong = |what: &str| {
            misused(format!(
                "the server's address `{given}` {what}; expected one such as \
                 https://evenhand.example.org, in --server or EVENHAND_SERVER"
            ))
        };
        let url = Url::parse(&given).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        match url.scheme() {
            _ if !url.has_host() => Err(wrong("names no machine")),
            "http" | "https" if url.username().is_empty() && url.password().is_none() => Ok(url),
            "http" | "https" => Err(wrong("has a user name in it, which is not used")),
            _ => Err(wrong("is neither http:// nor https://")),
        }
    }

    fn token(&self, base: &Url) -> Result<HeaderValue, Failure> {
        let (place, text) = match &self.token_file {
            Some(file) if file.as_os_str() == "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                ("standard input".to_owned(), text)
            }
            Some(file) => {
                let place = clean(&file.to_string_lossy());
                let text = std::fs::read_to_string(file)
                    .map_err(|error| misused(format!("the token file {place}: {error}")))?;
                (place, text)
            }
            None => (TOKEN.to_owned(), std::env::var(TOKEN).unwrap_or_default()),
        };
        let token = text.trim();
        if token.is_empty() {
            let page = below(base, ["account", "tokens"]);
            return Err(misused(format!(
                "there is no API token in {place}; put one into the variable {TOKEN} or into a \
                 file that --token-file names\n\
                 Make one at {page}, or where the server runs:\n  \
                 evenhand admin token YOU@EXAMPLE.ORG --scope read,models:write,runs:write"
            )));
        }
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).ok();
        let mut bearer = bearer.filter(|_| token.starts_with("eh_")).ok_or_else(|| {
            misused(format!("what {place} holds is no API token: one begins with eh_"))
        })?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }
}

impl Client {
    /// The address of something on this server, also where it lives below a path.
    pub fn url<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        below(&self.base, path)
    }

    /// A path that the server named, as an address to open.
    pub fn link(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.base.as_str().trim_end_matches('/'))
        } else {
            path.to_owned()
        }
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a file, again where the server is busy or the connection breaks. All tries carry the
    /// same key, so that they make one run.
    ///
    /// # Errors
    /// When no answer comes. An answer that says no is an [`Answer`].
    pub async fn send_file(&self, url: &Url, file: &Path) -> Result<Answer, Failure> {
        let key = uuid::Builder::from_random_bytes(crate::clock::random()).into_uuid().to_string();
        let mut is_whole = true;
        let answer = self
            .persist(false, async || {
                let progress = bar(file)?;
                let outcome = self.send_once(url, file, &key, &progress).await;
                progress.finish_and_clear();
                is_whole = Some(progress.position()) >= progress.length();
                outcome
            })
            .await?;
        answer.map_err(|(error, tries)| self.broken(&error, tries, is_whole))
    }

    /// Asks for something, again where the server is busy or the connection breaks.
    ///
    /// # Errors
    /// When no answer comes. An answer that says no is an [`Answer`].
    pub async fn get(&self, url: &Url) -> Result<Answer, Failure> {
        self.ask(url, false).await
    }

    /// The same of a server that answered before: one that is not there now is being restarted.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn get_again(&self, url: &Url) -> Result<Answer, Failure> {
        self.ask(url, true).await
    }

    async fn ask(&self, url: &Url, was_reached: bool) -> Result<Answer, Failure> {
        let answer = self
            .persist(was_reached, async || {
                Ok(listen(self.request(self.http.get(url.clone())).timeout(LONGEST_ANSWER)).await)
            })
            .await?;
        answer.map_err(|(error, tries)| {
            let base = &self.base;
            could_not_ask(format!("{base}: {}, also at try {tries}", reason(&error)))
        })
    }

    /// Tries until there is an answer that is worth having, or none will come: then the last error
    /// with the number of tries.
    async fn persist(
        &self,
        mut reached: bool,
        mut once: impl AsyncFnMut() -> Result<Heard, Failure>,
    ) -> Result<Result<Answer, (reqwest::Error, u32)>, Failure> {
        let mut delays = Delays::default();
        let mut tries = 0;
        loop {
            tries += 1;
            let last = tries == TRIES;
            let (what, asked) = match once().await? {
                Ok(answer) if last || !retry::is_worth(answer.status) => {
                    return Ok(Ok(Answer { tries, ..answer }));
                }
                Ok(answer) => (format!("it answered {}", answer.status), answer.again),
                // Nobody was ever there: waiting would only hide a wrong address.
                Err(error) if error.is_connect() && !reached => return Err(self.nobody(&error)),
                Err(error) if last || error.is_builder() => return Ok(Err((error, tries))),
                Err(error) => (reason(&error), None),
            };
            reached = true;
            match delays.next(asked) {
                Patience::Wait(delay) => {
                    say(&format!(
                        "{}: {what}; trying again in {:.1} s ({} of {TRIES})",
                        self.base,
                        delay.as_secs_f64(),
                        tries + 1
                    ));
                    tokio::time::sleep(delay).await;
                }
                Patience::TooLong(delay) => {
                    return Err(could_not_ask(format!(
                        "{}: {what} and asks to wait {} s; try again then",
                        self.base,
                        delay.as_secs()
                    )));
                }
            }
        }
    }

    /// A request with the right to ask it.
    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .header(header::AUTHORIZATION, self.token.clone())
            .header(header::ACCEPT, "application/json, application/problem+json")
    }

    async fn send_once(
        &self,
        url: &Url,
        file: &Path,
        key: &str,
        progress: &ProgressBar,
    ) -> Result<Heard, Failure> {
        let input = tokio::fs::File::open(file).await?;
        let size = input.metadata().await?.len();
        let seen = progress.clone();
        // The length is promised first, so a file that grows meanwhile is cut there.
        let input = InspectReader::new(input.take(size), move |bytes: &[u8]| {
            if seen.position() == 0 {
                // The moment of grace says nothing of how fast the file goes.
                seen.reset_elapsed();
                seen.reset_eta();
            }
            seen.inc(bytes.len() as u64);
            if seen.position() >= size {
                seen.set_message("waiting for the answer");
            }
        });
        let request = self
            .request(self.http.post(url.clone()))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, size)
            .header("idempotency-key", key)
            .body(Body::wrap_stream(grace(size).chain(ReaderStream::with_capacity(input, CHUNK))));
        Ok(listen(request).await)
    }

    fn nobody(&self, error: &reqwest::Error) -> Failure {
        could_not_ask(format!(
            "no server answers at {} ({}); say where it is with --server or EVENHAND_SERVER",
            self.base,
            reason(error)
        ))
    }

    fn broken(&self, error: &reqwest::Error, tries: u32, is_whole: bool) -> Failure {
        if !is_whole {
            return could_not_ask(format!(
                "{}: {}, also at try {tries}, before the whole file was sent; it may be larger \
                 than the server takes",
                self.base,
                reason(error)
            ));
        }
        could_not_ask(format!(
            "{}: {}, also at try {tries}; whether the upload arrived is not known, and sending it \
             again makes no second run",
            self.base,
            reason(error)
        ))
    }
}

fn below<'a>(base: &Url, path: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Sends a request and waits for the whole answer.
async fn listen(request: RequestBuilder) -> Heard {
    let answer = request.send().await?;
    let status = answer.status();
    let text = |name| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
    let location = text(header::LOCATION);
    let again = text(header::RETRY_AFTER)
        .and_then(|text| retry::after(&text, crate::clock::Clock::System.now()));
    let body = answer.text().await?;
    Ok(Answer { status, body, location, again, tries: 0 })
}

/// Nothing, for a moment, ahead of a file that is not sent in one go. A server that refuses by the
/// head (no right, too large) does so meanwhile; later the answer could be lost, since what it has
/// not read resets the connection. `Expect: 100-continue` is for this, but hyper's client lacks it.
fn grace(size: u64) -> impl Stream<Item = std::io::Result<Bytes>> {
    let wait = if size > CHUNK as u64 { GRACE } else { Duration::ZERO };
    stream::once(tokio::time::sleep(wait)).filter_map(|()| future::ready(None))
}

/// What is behind an error, which names the outermost layer only.
fn reason(error: &reqwest::Error) -> String {
    let mut deepest = error.source();
    while let Some(next) = deepest.and_then(std::error::Error::source) {
        deepest = Some(next);
    }
    clean(&deepest.map_or_else(|| error.to_string(), ToString::to_string))
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

fn misused(message: String) -> Failure {
    Failure { message, code: MISUSED }
}

pub fn could_not_ask(message: String) -> Failure {
    Failure { message, code: COULD_NOT_ASK }
}

#[expect(clippy::print_stderr, reason = "a command line says what it waits for")]
pub fn say(message: &str) {
    eprintln!("evenhand: {message}");
}

/// On a terminal, how far the file is; elsewhere nothing.
fn bar(file: &Path) -> Result<ProgressBar, Failure> {
    let size = std::fs::metadata(file)?.len();
    let style = ProgressStyle::with_template(
        "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    )?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(ProgressBar::new(size).with_style(style.progress_chars("=> ")).with_message(clean(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, insecure_http: bool) -> Server {
        Server { address: url.to_owned(), token_file: None, insecure_http }
    }

    fn client(url: &str) -> Client {
        Client {
            http: reqwest::Client::new(),
            base: server(url, false).url().unwrap_or_else(|failure| panic!("{}", failure.message)),
            token: HeaderValue::from_static("Bearer eh_x"),
        }
    }

    #[test]
    fn a_token_does_not_leave_the_machine_in_the_clear_unless_told() {
        for url in ["http://evenhand.example.org", "http://10.0.0.1:3000", "http://127.0.0.1.evil"]
        {
            let Err(failure) = server(url, false).connect() else { panic!("{url} was accepted") };
            assert!(failure.message.contains("TLS"), "{url}: {}", failure.message);
        }
        for url in ["http://localhost:1", "http://127.0.0.2:1", "http://[::1]:1"] {
            assert!(is_loopback(&Url::parse(url).unwrap()), "{url}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_one_is_refused_with_an_example() {
        for url in ["evenhand.example.org", "ftp://host", "http://", "https://ann:pw@host", ""] {
            let Err(failure) = server(url, false).url() else { panic!("{url} was accepted") };
            assert!(failure.message.contains("EVENHAND_SERVER"), "{url}: {}", failure.message);
        }
    }

    #[test]
    fn a_server_may_live_below_a_path_and_names_are_encoded() {
        let client = client("https://example.org/evenhand/");
        let url = client.url(["api", "v1", "models", "a b", "versions", "1/2"]);
        assert_eq!(url.as_str(), "https://example.org/evenhand/api/v1/models/a%20b/versions/1%2F2");
        assert_eq!(client.link("/runs/1"), "https://example.org/evenhand/runs/1");
    }
}
