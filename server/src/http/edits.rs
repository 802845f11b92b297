//! Two editors of one thing: what a form remembers of what its editor read, and what the second
//! one is told.

use crate::audit::sha256_hex;
use crate::error::Result;
use crate::state::App;
use crate::store::audit::Filter;
use app::domain::PersonId;
use app::form::merge::changes;
use app::form::{Change, FieldText};
use app::pages::parts::ConflictView;
use uuid::Uuid;

/// Fingerprints of the fields as they were read, for a hidden field: short, since long text would
/// travel twice otherwise.
pub fn seen(fields: &[FieldText]) -> String {
    fields
        .iter()
        .map(|field| format!("{}={}", field.name, fingerprint(&field.text)))
        .collect::<Vec<_>>()
        .join(";")
}

fn fingerprint(text: &str) -> String {
    sha256_hex(text)[..12].to_owned()
}

/// Whether a text differs from the one whose fingerprint the form remembers. Without one it does.
fn differs(seen: &str, field: &FieldText) -> bool {
    let known = seen
        .split(';')
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| *name == field.name);
    known.is_none_or(|(_, known)| known != fingerprint(&field.text))
}

/// What others changed since.
pub fn changed(seen: &str, theirs: &[FieldText], yours: &[FieldText]) -> Vec<Change> {
    changes(theirs, yours, |field| differs(seen, field))
}

/// What the second editor is told.
pub async fn conflict(
    app: &App,
    kind: &str,
    id: impl ToString,
    changes: Vec<Change>,
) -> Result<ConflictView> {
    let filter = Filter {
        object_kind: Some(kind.to_owned()),
        object_id: Some(id.to_string()),
        ..Filter::default()
    };
    let (entries, _) = app.store.audit_page(&filter, i64::MAX, 0, 1).await?;
    let person = entries
        .first()
        .and_then(|entry| entry.actor_id.as_deref())
        .and_then(|id| id.parse::<Uuid>().ok());
    let by = match person {
        Some(id) => app.store.person(PersonId(id)).await?.map(|person| person.name),
        None => None,
    };
    Ok(ConflictView { by, changes })
}
