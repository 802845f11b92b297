//! A browser or a program, as far as the server can tell: it keeps cookies and sends forms.

use crate::contract::contract;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;
use tower::ServiceExt;

pub struct Client {
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// What was asked, for messages.
    asked: String,
}

impl Client {
    pub fn new(router: Router) -> Self {
        Self { router, cookies: Mutex::default(), token: None }
    }

    /// The same server, asked by a program with this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::new(self.router.clone()) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    /// Sends a form as a browser does.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form
            .iter()
            .map(|(name, value)| {
                let encode = app::pages::parts::link::encode;
                format!("{}={}", encode(name), encode(value))
            })
            .collect::<Vec<_>>()
            .join("&");
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.send(request, Body::from(body)).await
    }

    pub async fn post_json(&self, path: &str, json: &Value) -> Answer {
        self.json(Method::POST, path, &[], json).await
    }

    pub async fn json(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        json: &Value,
    ) -> Answer {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |r, (name, value)| {
                r.header(*name, *value)
            })
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request, Body::from(json.to_string())).await
    }

    pub async fn post_bytes(&self, path: &str, kind: &str, bytes: impl Into<Body>) -> Answer {
        self.send(Request::post(path).header(header::CONTENT_TYPE, kind), bytes.into()).await
    }

    pub async fn send(&self, request: axum::http::request::Builder, body: Body) -> Answer {
        let mut request =
            request.header(header::HOST, "evenhand.test").body(body).expect("a request");
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let asked = format!("{method} {uri}");
        let cookies = self
            .cookies
            .lock()
            .expect("no test panics holding it")
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.parse().expect("cookies"));
        }
        if let Some(token) = &self.token {
            let value = format!("Bearer {token}").parse().expect("a token");
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body arrives").to_bytes().to_vec();
        self.keep_cookies(&parts.headers);
        let answer = Answer { status: parts.status, headers: parts.headers, body, asked };
        if uri.path().starts_with("/api/v1/") {
            contract(&self.router).await.check(&method, uri.path(), &answer);
        }
        answer
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().expect("no test panics holding it");
        for cookie in headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().expect("cookies are ASCII");
            let (name, rest) = text.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            if value.is_empty() || rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The value of a cookie that the client holds.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("no test panics holding it").get(name).cloned()
    }

    /// Puts a cookie in by hand, as a thief would.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies
            .lock()
            .expect("no test panics holding it")
            .insert(name.to_owned(), value.to_owned());
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error} in {}", self.asked, self.text()))
    }

    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, self.text());
        self
    }

    /// Where a form's answer leads.
    #[track_caller]
    pub fn assert_redirect(&self, to: &str) -> &Self {
        self.assert_status(303);
        assert_eq!(self.location(), to, "{}", self.asked);
        self
    }

    #[track_caller]
    pub fn assert_contains(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "{}: `{text}` is not in {}", self.asked, self.text());
        self
    }

    #[track_caller]
    pub fn assert_lacks(&self, text: &str) -> &Self {
        assert!(!self.text().contains(text), "{}: `{text}` is in {}", self.asked, self.text());
        self
    }

    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap_or_default())
    }
}
