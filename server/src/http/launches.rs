//! Launches.

use crate::actions::readiness;
use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;
use crate::store::models::Model;
use crate::store::versions::Version;
use app::domain::{Permission, Scope, TeamId};
use app::pages::parts::ReadinessView;

/// The readiness of a version, as the actor may see it.
pub(super) async fn readiness_view(
    app: &App,
    actor: &Actor,
    model: &Model,
    version: &Version,
    lineage: &[TeamId],
) -> Result<ReadinessView> {
    let mut report = readiness::of(app, model, version.id, app.clock.now()).await?;
    report.hide_small_cells(app, actor, lineage);
    let may = |permission| actor.may(permission, Scope::Team(lineage));
    Ok(ReadinessView {
        readiness: report.readiness,
        policy: report.policy.map(|policy| {
            let href = format!("/policies/{}/versions/{}", policy.slug, policy.number);
            (format!("{}, version {}", policy.policy.name, policy.number), href)
        }),
        model: model.slug.clone(),
        version: version.label.clone(),
        may_ask_waiver: may(Permission::AskWaiver),
        may_mitigate: may(Permission::Mitigate),
    })
}
