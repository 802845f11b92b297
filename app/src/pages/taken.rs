//! The page of an upload that is read after it was acknowledged.

use super::parts::{Lede, PageHeader, Panel, Time};
use super::problems::{Problems, ProblemsView};
use crate::domain::UploadState;
use leptos::prelude::*;
use metrics::Problem;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct TakenView {
    pub model_name: String,
    pub version: String,
    pub version_href: String,
    pub upload_href: String,
    pub state: UploadState,
    /// `1.2 GB`.
    pub size: String,
    pub digest: String,
    pub received_at: OffsetDateTime,
    /// The page of the run that it became.
    pub run_href: Option<String>,
    pub problems: Vec<Problem>,
}

#[component]
pub fn TakenPage(view: TakenView) -> impl IntoView {
    let said = match view.state {
        UploadState::Waiting => {
            "The file is safe here and is being read, or waits for its turn. This page looks again \
             every few seconds; nobody has to wait for it."
        }
        UploadState::Done => "The file was read and is a run now.",
        UploadState::Refused => "The file was refused; nothing was stored.",
        UploadState::Failed => "The file could not be read; nothing was stored.",
    };
    let next = match (view.state, view.run_href) {
        (_, Some(href)) => {
            Some(view! { <p><a class="button" href=href>"See the run"</a></p> }.into_any())
        }
        (UploadState::Refused | UploadState::Failed, None) => Some(
            view! { <p><a class="button" href=view.upload_href>"Upload another file"</a></p> }
                .into_any(),
        ),
        _ => None,
    };
    let title = format!("Upload to {} {}", view.model_name, view.version);
    view! {
        <PageHeader title=title />
        <Lede>{said}</Lede>
        {next}
        <Problems view=ProblemsView { problems: view.problems } />
        <Panel title="The upload">
            <table>
                <tbody>
                    <tr>
                        <th scope="row">"State"</th>
                        <td>{view.state.as_str()}</td>
                    </tr>
                    <tr>
                        <th scope="row">"For"</th>
                        <td>
                            <a href=view.version_href>{view.version}</a>
                        </td>
                    </tr>
                    <tr>
                        <th scope="row">"Size"</th>
                        <td>{view.size}</td>
                    </tr>
                    <tr>
                        <th scope="row">"Received"</th>
                        <td>
                            <Time at=view.received_at clock=true />
                        </td>
                    </tr>
                    <tr>
                        <th scope="row">"Digest of the file"</th>
                        <td>
                            <code>{view.digest}</code>
                        </td>
                    </tr>
                </tbody>
            </table>
        </Panel>
    }
    .into_any()
}
