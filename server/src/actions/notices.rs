//! Put away what one's own home page has told.

use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;

pub async fn put_away(app: &App, actor: &Actor) -> Result<()> {
    let person = actor.person()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.put_notices_away(person).await?;
    tx.commit().await
}
