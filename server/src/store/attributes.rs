//! The attribute registry's tables.

use super::regroupings::{REGROUPINGS, RegroupingRow};
use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::{ConfirmGroups, EditRegistry, UploadRun};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::attribute::{KnownAttribute, KnownGroup, Registry, Sensitivity, Standing};
use app::domain::register::NewAttribute;
use app::domain::{AttributeId, GroupId, ModelId};
use metrics::slice::MISSING;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct AttributeRow {
    id: Uuid,
    name: String,
    description: String,
    #[sqlx(try_from = "String")]
    sensitivity: Sensitivity,
    #[sqlx(try_from = "String")]
    standing: Standing,
    version: i64,
    registry_version: i64,
}

#[derive(sqlx::FromRow)]
struct GroupRow {
    id: Uuid,
    attribute_id: Uuid,
    name: String,
    #[sqlx(try_from = "String")]
    standing: Standing,
    proposed_by: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct AliasRow {
    attribute: String,
    alias: String,
    model_id: Option<Uuid>,
    /// `None` for another name of the attribute itself.
    group_name: Option<String>,
}

const ATTRIBUTES: &str = "select a.id, a.name, a.description, a.sensitivity, a.standing, \
     a.version, h.version as registry_version from attribute a cross join registry_head h";
const GROUPS: &str = "select id, attribute_id, name, standing, proposed_by from attribute_group";
const ALIASES: &str = "select a.name as attribute, s.alias, s.model_id, null as group_name \
     from attribute_alias s join attribute a on a.id = s.attribute_id \
     union all \
     select a.name as attribute, s.alias, s.model_id, g.name as group_name from group_alias s \
     join attribute a on a.id = s.attribute_id join attribute_group g on g.id = s.group_id";

fn assemble(
    attributes: Vec<AttributeRow>,
    groups: Vec<GroupRow>,
    aliases: Vec<AliasRow>,
    regroupings: Vec<RegroupingRow>,
) -> Registry {
    let version = attributes.first().map_or(0, |row| row.registry_version);
    let mut of: HashMap<Uuid, Vec<KnownGroup>> = HashMap::new();
    for row in groups {
        of.entry(row.attribute_id).or_default().push(KnownGroup {
            id: GroupId(row.id),
            name: row.name,
            standing: row.standing,
            proposed_by: row.proposed_by.map(ModelId),
        });
    }
    let known = attributes.into_iter().map(|row| {
        let mut groups = of.remove(&row.id).unwrap_or_default();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        KnownAttribute {
            id: AttributeId(row.id),
            name: row.name,
            description: row.description,
            sensitivity: row.sensitivity,
            standing: row.standing,
            version: row.version,
            groups,
        }
    });
    let mut registry = Registry::new(version, known);
    for row in aliases {
        let model = row.model_id.map(ModelId);
        match row.group_name {
            None => registry.add_attribute_alias(&row.alias, model, &row.attribute),
            Some(group) => registry.add_group_alias(&row.attribute, &row.alias, model, &group),
        }
    }
    for row in regroupings {
        registry.add_regrouping(row.into());
    }
    registry
}

impl Store {
    /// The whole registry as it stands.
    pub async fn registry(&self) -> Result<Registry> {
        let attributes = read!(self, db => sqlx::query_as(ATTRIBUTES).fetch_all(db).await)?;
        let groups = read!(self, db => sqlx::query_as(GROUPS).fetch_all(db).await)?;
        let aliases = read!(self, db => sqlx::query_as(ALIASES).fetch_all(db).await)?;
        let regroupings = read!(self, db => sqlx::query_as(REGROUPINGS).fetch_all(db).await)?;
        Ok(assemble(attributes, groups, aliases, regroupings))
    }
}

/// What a new name is to stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Attribute(AttributeId),
    Group(AttributeId, GroupId),
}

impl Tx {
    /// The registry as this transaction sees it.
    pub async fn registry(&mut self) -> Result<Registry> {
        let attributes = in_tx!(self, db => sqlx::query_as(ATTRIBUTES).fetch_all(db).await)?;
        let groups = in_tx!(self, db => sqlx::query_as(GROUPS).fetch_all(db).await)?;
        let aliases = in_tx!(self, db => sqlx::query_as(ALIASES).fetch_all(db).await)?;
        let regroupings = in_tx!(self, db => sqlx::query_as(REGROUPINGS).fetch_all(db).await)?;
        Ok(assemble(attributes, groups, aliases, regroupings))
    }

    /// Holds back other writers of the registry until this transaction ends.
    pub(super) async fn lock_registry(&mut self) -> Result<()> {
        const SQL: &str = "update registry_head set version = version where id = 1";
        in_tx!(self, db => sqlx::query(SQL).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Makes this the registry's next version; others wait until the transaction ends.
    pub(super) async fn raise_registry(&mut self) -> Result<()> {
        const SQL: &str = "update registry_head set version = version + 1 where id = 1";
        in_tx!(self, db => sqlx::query(SQL).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Adds what a model's run names and nobody knows yet, as proposed. The registry's version
    /// stays: what is proposed decides nothing.
    pub async fn propose_groups(
        &mut self,
        _: &Permit<UploadRun>,
        model: ModelId,
        pairs: &BTreeSet<(&str, &str)>,
    ) -> Result<()> {
        let registry = self.registry().await?;
        // Sorted, so that two uploads at once wait for each other in one order only.
        let unknown: BTreeSet<(&str, &str)> = pairs
            .iter()
            .map(|(attribute, group)| registry.pair(model, attribute, group))
            .filter(|(attribute, group)| {
                registry
                    .attribute(attribute)
                    .is_none_or(|known| *group != MISSING && known.group(group).is_none())
            })
            .collect();
        let mut proposed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (attribute, group) in unknown {
            let id = match registry.attribute(attribute) {
                Some(known) => known.id,
                None => self.propose_attribute(attribute).await?,
            };
            let groups = proposed.entry(attribute).or_default();
            if group != MISSING
                && self.insert_group(id, group, Standing::Proposed, Some(model)).await?
            {
                groups.push(group);
            }
        }
        if !proposed.is_empty() {
            let entry = Entry::new("groups.proposed", "model", model).after(json!(proposed));
            self.note(entry);
        }
        Ok(())
    }

    async fn propose_attribute(&mut self, name: &str) -> Result<AttributeId> {
        const SQL: &str = "insert into attribute \
             (id, name, description, sensitivity, standing, created_at, version) \
             values ($1, $2, '', 'ordinary', 'proposed', $3, 1) on conflict (name) do nothing";
        const FIND: &str = "select id from attribute where name = $1";
        let (id, at) = (self.id(), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(name).bind(at).execute(db).await
            .map(drop))?;
        let id: Uuid = in_tx!(self, db => sqlx::query_scalar(FIND).bind(name).fetch_one(db).await)?;
        Ok(AttributeId(id))
    }

    /// Whether the group was not there.
    pub(super) async fn insert_group(
        &mut self,
        attribute: AttributeId,
        name: &str,
        standing: Standing,
        model: Option<ModelId>,
    ) -> Result<bool> {
        const SQL: &str = "insert into attribute_group \
             (id, attribute_id, name, standing, proposed_by, created_at) \
             values ($1, $2, $3, $4, $5, $6) on conflict (attribute_id, name) do nothing";
        let (id, at) = (self.id(), micros(self.at()));
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(id).bind(attribute.0).bind(name)
            .bind(standing.as_str()).bind(model.map(|model| model.0)).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        Ok(rows > 0)
    }

    /// Accepts every group that a model proposed, with their attributes; how many there were.
    pub async fn accept_groups(
        &mut self,
        _: &Permit<ConfirmGroups>,
        model: ModelId,
    ) -> Result<u64> {
        const ATTRIBUTES: &str = "update attribute set standing = 'confirmed', \
             version = version + 1 where standing = 'proposed' and id in (select attribute_id \
             from attribute_group where proposed_by = $1 and standing = 'proposed')";
        const GROUPS: &str = "update attribute_group set standing = 'confirmed' \
             where proposed_by = $1 and standing = 'proposed'";
        self.raise_registry().await?;
        let registry = self.registry().await?;
        let accepted: BTreeMap<&str, Vec<&str>> = proposals_of(&registry, model);
        in_tx!(self, db => sqlx::query(ATTRIBUTES).bind(model.0).execute(db).await.map(drop))?;
        let rows = in_tx!(self, db => sqlx::query(GROUPS).bind(model.0).execute(db).await
            .map(|done| done.rows_affected()))?;
        self.note(Entry::new("groups.accepted", "model", model).after(json!(accepted)));
        Ok(rows)
    }

    /// Accepts one group that a model proposed, with its attribute.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the model has not proposed it, or somebody was first.
    pub async fn accept_group(
        &mut self,
        _: &Permit<ConfirmGroups>,
        model: ModelId,
        attribute: &str,
        group: &str,
    ) -> Result<()> {
        const ATTRIBUTE: &str = "update attribute set standing = 'confirmed', \
             version = version + 1 where standing = 'proposed' and id = $1";
        const GROUP: &str = "update attribute_group set standing = 'confirmed' where id = $1";
        self.raise_registry().await?;
        let registry = self.registry().await?;
        let (attribute, group) = registry.pair(model, attribute, group);
        let known = registry.attribute(attribute).ok_or_else(|| Error::not_found("attribute"))?;
        let proposed = known
            .group(group)
            .filter(|g| g.standing == Standing::Proposed && g.proposed_by == Some(model))
            .ok_or_else(|| Error::not_found("proposed group"))?;
        in_tx!(self, db => sqlx::query(ATTRIBUTE).bind(known.id.0).execute(db).await.map(drop))?;
        in_tx!(self, db => sqlx::query(GROUP).bind(proposed.id.0).execute(db).await.map(drop))?;
        let accepted = json!({ attribute: [group] });
        self.note(Entry::new("groups.accepted", "model", model).after(accepted));
        Ok(())
    }

    /// Makes what a model calls a proposed group another name of a known one, for that model.
    pub async fn alias_group(
        &mut self,
        _: &Permit<ConfirmGroups>,
        model: ModelId,
        attribute: &str,
        group: &str,
        target: &str,
    ) -> Result<()> {
        self.raise_registry().await?;
        let registry = self.registry().await?;
        let attribute = registry.attribute_name(model, attribute);
        let known = registry.attribute(attribute).ok_or_else(|| Error::not_found("attribute"))?;
        let proposed = known
            .group(group)
            .filter(|g| g.standing == Standing::Proposed && g.proposed_by == Some(model))
            .ok_or_else(|| Error::not_found("proposed group"))?;
        let target = known
            .group(target)
            .filter(|group| group.standing == Standing::Confirmed)
            .ok_or_else(|| Error::not_found("confirmed group"))?;
        self.remove_group(proposed.id).await?;
        self.insert_alias(&Target::Group(known.id, target.id), group, Some(model)).await?;
        let entry = Entry::new("group.aliased", "model", model).after(json!({
            "attribute": attribute, "alias": group, "group": target.name,
        }));
        self.note(entry);
        Ok(())
    }

    /// Makes what a model calls a proposed attribute another name of a known one, for that model;
    /// its groups move there.
    pub async fn alias_attribute(
        &mut self,
        _: &Permit<ConfirmGroups>,
        model: ModelId,
        attribute: &str,
        target: &str,
    ) -> Result<()> {
        const MOVE: &str = "update attribute_group set attribute_id = $2 where id = $1";
        const DROP: &str = "delete from attribute where id = $1 and standing = 'proposed' \
             and not exists (select 1 from attribute_group where attribute_id = $1)";
        self.raise_registry().await?;
        let registry = self.registry().await?;
        let from = registry
            .attribute(attribute)
            .filter(|known| known.standing == Standing::Proposed)
            .ok_or_else(|| Error::not_found("proposed attribute"))?;
        let to = registry
            .attribute(target)
            .filter(|known| known.standing == Standing::Confirmed)
            .ok_or_else(|| Error::not_found("confirmed attribute"))?;
        let ours: Vec<&KnownGroup> =
            from.groups.iter().filter(|group| group.proposed_by == Some(model)).collect();
        if ours.is_empty() {
            return Err(Error::not_found("proposed attribute"));
        }
        for group in ours {
            let (_, name) = registry.pair(model, &to.name, &group.name);
            if to.group(name).is_some() {
                self.remove_group(group.id).await?;
            } else {
                in_tx!(self, db => sqlx::query(MOVE).bind(group.id.0).bind(to.id.0)
                    .execute(db).await.map(drop))?;
            }
        }
        self.insert_alias(&Target::Attribute(to.id), attribute, Some(model)).await?;
        in_tx!(self, db => sqlx::query(DROP).bind(from.id.0).execute(db).await.map(drop))?;
        let entry = Entry::new("attribute.aliased", "model", model)
            .after(json!({ "alias": attribute, "attribute": to.name }));
        self.note(entry);
        Ok(())
    }

    async fn remove_group(&mut self, group: GroupId) -> Result<()> {
        const SQL: &str = "delete from attribute_group where id = $1 and standing = 'proposed'";
        in_tx!(self, db => sqlx::query(SQL).bind(group.0).execute(db).await.map(drop))?;
        Ok(())
    }

    async fn insert_alias(
        &mut self,
        target: &Target,
        alias: &str,
        model: Option<ModelId>,
    ) -> Result<()> {
        const ATTRIBUTE: &str = "insert into attribute_alias \
             (id, alias, attribute_id, model_id, created_at) values ($1, $2, $3, $4, $5)";
        const GROUP: &str = "insert into group_alias \
             (id, attribute_id, alias, group_id, model_id, created_at) \
             values ($1, $2, $3, $4, $5, $6)";
        let (id, at, model) = (self.id(), micros(self.at()), model.map(|model| model.0));
        match target {
            Target::Attribute(attribute) => {
                in_tx!(self, db => sqlx::query(ATTRIBUTE).bind(id).bind(alias).bind(attribute.0)
                    .bind(model).bind(at).execute(db).await.map(drop))?;
            }
            Target::Group(attribute, group) => {
                in_tx!(self, db => sqlx::query(GROUP).bind(id).bind(attribute.0).bind(alias)
                    .bind(group.0).bind(model).bind(at).execute(db).await.map(drop))?;
            }
        }
        Ok(())
    }

    /// Adds an attribute with its groups, confirmed from the start.
    pub async fn add_attribute(
        &mut self,
        _: &Permit<EditRegistry>,
        attribute: &NewAttribute,
    ) -> Result<AttributeId> {
        const SQL: &str = "insert into attribute \
             (id, name, description, sensitivity, standing, created_at, version) \
             values ($1, $2, $3, $4, 'confirmed', $5, 1) on conflict (name) do nothing";
        self.raise_registry().await?;
        let id = AttributeId(self.id());
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(attribute.name.as_str())
            .bind(attribute.description.as_str()).bind(attribute.sensitivity.as_str()).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::Conflict(format!(
                "there is already an attribute `{}`",
                attribute.name
            )));
        }
        for group in &attribute.groups {
            self.insert_group(id, group, Standing::Confirmed, None).await?;
        }
        let entry = Entry::new("attribute.added", "attribute", id).after(json!({
            "name": attribute.name,
            "description": attribute.description,
            "sensitivity": attribute.sensitivity,
            "groups": attribute.groups,
        }));
        self.note(entry);
        Ok(id)
    }

    /// Changes an attribute, confirms it, and adds or confirms the groups named.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when it is no longer what the editor read.
    pub async fn edit_attribute(
        &mut self,
        _: &Permit<EditRegistry>,
        before: &KnownAttribute,
        read: i64,
        attribute: &NewAttribute,
    ) -> Result<()> {
        const SQL: &str = "update attribute set description = $3, sensitivity = $4, \
             standing = 'confirmed', version = version + 1 where id = $1 and version = $2";
        const CONFIRM: &str = "update attribute_group set standing = 'confirmed' \
             where attribute_id = $1 and name = $2";
        self.raise_registry().await?;
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(before.id.0).bind(read)
            .bind(attribute.description.as_str()).bind(attribute.sensitivity.as_str())
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed(format!("attribute `{}`", before.name)));
        }
        for group in &attribute.groups {
            if !self.insert_group(before.id, group, Standing::Confirmed, None).await? {
                in_tx!(self, db => sqlx::query(CONFIRM).bind(before.id.0).bind(group)
                    .execute(db).await.map(drop))?;
            }
        }
        let entry = Entry::new("attribute.edited", "attribute", before.id)
            .before(json!({
                "description": before.description,
                "sensitivity": before.sensitivity,
                "standing": before.standing,
            }))
            .after(json!({
                "description": attribute.description,
                "sensitivity": attribute.sensitivity,
                "groups": attribute.groups,
            }));
        self.note(entry);
        Ok(())
    }

    /// Another name, for all models; a group of that name that was only proposed becomes it.
    /// `group` is empty for a name of the attribute itself.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name stands for something already.
    pub async fn add_alias(
        &mut self,
        _: &Permit<EditRegistry>,
        attribute: &str,
        alias: &str,
        group: &str,
    ) -> Result<()> {
        self.raise_registry().await?;
        let registry = self.registry().await?;
        let known = registry.attribute(attribute).ok_or_else(|| Error::not_found("attribute"))?;
        let target = if group.is_empty() {
            Target::Attribute(known.id)
        } else {
            let group = known.group(group).ok_or_else(|| Error::not_found("group"))?;
            Target::Group(known.id, group.id)
        };
        let is_taken = match &target {
            Target::Attribute(_) => {
                registry.attribute(alias).is_some()
                    || registry
                        .attribute_aliases()
                        .iter()
                        .any(|(name, model, _)| *name == alias && model.is_none())
            }
            Target::Group(..) => {
                alias == group
                    || known.group(alias).is_some_and(|group| group.standing == Standing::Confirmed)
                    || registry.group_aliases(&known.name).iter().any(|(name, model, of)| {
                        (*name == alias && model.is_none()) || *of == alias
                    })
            }
        };
        if is_taken {
            return Err(Error::Conflict(format!("`{alias}` stands for something already")));
        }
        if let (Target::Group(..), Some(proposed)) = (&target, known.group(alias)) {
            self.remove_group(proposed.id).await?;
        }
        self.insert_alias(&target, alias, None).await?;
        let entry = Entry::new("alias.added", "attribute", known.id)
            .after(json!({ "attribute": known.name, "alias": alias, "group": group }));
        self.note(entry);
        Ok(())
    }
}

/// The groups that a model proposed and nobody has accepted, by attribute.
pub fn proposals_of(registry: &Registry, model: ModelId) -> BTreeMap<&str, Vec<&str>> {
    let mut proposals: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for attribute in registry.attributes() {
        for group in &attribute.groups {
            if group.standing == Standing::Proposed && group.proposed_by == Some(model) {
                proposals.entry(&attribute.name).or_default().push(&group.name);
            }
        }
    }
    proposals
}
