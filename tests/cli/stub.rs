//! A server that answers as it is told, badly if need be: a real one cannot be made to break.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it does with one connection.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Takes the whole request and answers.
    Answer { status: u16, headers: &'static str, body: String },
    /// Answers after the head of the request, and hears no more of it.
    AtOnce { status: u16, body: String },
    /// Ends the connection in the middle of the request.
    BreakWhileReading,
    /// Takes the request, and ends the connection in the middle of its answer.
    BreakWhileAnswering,
}

/// What it was sent.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Method, path and query.
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn path(&self) -> &str {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        let url = reqwest::Url::parse(&format!("http://stub{target}")).expect("a target");
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

pub struct Stub {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// Gives one reply per connection, in this order, then hangs up on everybody.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let replies: Vec<Reply> = replies.into_iter().collect();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for (stream, reply) in listener.incoming().zip(replies) {
                let request = serve(&stream.expect("a connection"), &reply);
                seen.lock().expect("no test panics holding it").push(request);
            }
        });
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics holding it").clone()
    }
}

fn serve(stream: &TcpStream, reply: &Reply) -> Asked {
    let mut input = BufReader::new(stream);
    let mut asked = Asked::default();
    input.read_line(&mut asked.line).expect("a request line");
    loop {
        let mut line = String::new();
        input.read_line(&mut line).expect("a header");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        asked.headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length: u64 =
        asked.header("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut read = |most| {
        input.by_ref().take(most).read_to_end(&mut asked.body).expect("the body");
    };
    match reply {
        Reply::Answer { status, headers, body } => {
            read(length);
            answer(stream, *status, headers, body, body.len());
        }
        Reply::AtOnce { status, body } => answer(stream, *status, "", body, body.len()),
        Reply::BreakWhileReading => {
            read(1024);
        }
        Reply::BreakWhileAnswering => {
            read(length);
            answer(stream, 201, "", "{\"id\":", 1000);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    asked
}

fn answer(mut stream: &TcpStream, status: u16, headers: &str, body: &str, length: usize) {
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    let text = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).expect("the answer is sent");
}
