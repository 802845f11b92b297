//! A page in its frame, for whoever asked.

use crate::auth::Actor;
use crate::error::{Error, Result};
use app::domain::{Permission, Scope};
use app::pages::parts::{Crumb, Frame, Notice, NoticeKind, Section, Viewer, document};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use leptos::prelude::IntoView;
use tower_sessions::Session;

const NOTICE: &str = "notice";

/// The frame of the next page: who looks at it and what the last action did.
#[derive(Clone, Debug, Default)]
pub struct Page {
    frame: Frame,
    status: StatusCode,
}

impl<S: Sync> FromRequestParts<S> for Page {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let viewer = parts.extensions.get::<Actor>().map(|actor| Viewer {
            name: actor.name.clone(),
            email: actor.email.clone(),
            may_administer: actor.may(Permission::ManagePeople, Scope::Anywhere),
        });
        let notice = match parts.extensions.get::<Session>() {
            Some(session) => session
                .remove::<(bool, String)>(NOTICE)
                .await
                .map_err(|error| Error::Internal(error.to_string()))?,
            None => None,
        };
        let notice = notice.map(|(is_good, text)| Notice {
            kind: if is_good { NoticeKind::Good } else { NoticeKind::Bad },
            text,
        });
        Ok(Self { frame: Frame { viewer, notice, ..Frame::default() }, status: StatusCode::OK })
    }
}

impl Page {
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.frame.title = title.into();
        self
    }

    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.frame.section = Some(section);
        self
    }

    #[must_use]
    pub fn crumbs(mut self, crumbs: Vec<Crumb>) -> Self {
        self.frame.crumbs = crumbs;
        self
    }

    /// Gives whoever is not signed in a page to read, and not a form to fill in.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.frame.wide = true;
        self
    }

    #[must_use]
    pub fn islands(mut self) -> Self {
        self.frame.islands = true;
        self
    }

    /// The same page as the answer to a form that was refused.
    #[must_use]
    pub fn refused(self) -> Self {
        self.status(StatusCode::UNPROCESSABLE_ENTITY)
    }

    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Renders the body inside the frame.
    pub fn html<V: IntoView + 'static>(self, body: impl FnOnce() -> V) -> Response {
        (self.status, Html(document(self.frame, body))).into_response()
    }
}

/// Goes on to another page, which says what was done.
pub async fn done(session: &Session, to: &str, what: impl Into<String>) -> Result<Response> {
    session
        .insert(NOTICE, (true, what.into()))
        .await
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Redirect::to(to).into_response())
}
