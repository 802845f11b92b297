//! Who may do what: one table, deny by default.
//!
//! Pages hide what the server would refuse because both ask [`Role::may`].

use super::TeamId;
use super::text_enum::text_enum;
use super::token::TokenScope;
use serde::{Deserialize, Serialize};

text_enum! {
    /// What a person is to the organisation or to a team.
    Role {
        Admin = "admin" ("admin"),
        Lead = "lead" ("lead"),
        Engineer = "engineer" ("engineer"),
        Reviewer = "reviewer" ("reviewer"),
        Executive = "executive" ("executive"),
        Viewer = "viewer" ("viewer"),
    }
}

text_enum! {
    /// In which capacity a reviewer may sign.
    Function {
        ResponsibleAi = "responsible_ai" ("responsible AI"),
        Product = "product" ("product"),
        LegalPrivacy = "legal_privacy" ("legal & privacy"),
        TrustSafety = "trust_safety" ("trust & safety"),
    }
}

text_enum! {
    /// Something that a person may or may not do.
    Permission {
        Read = "read" ("read everything that is not restricted"),
        ReadRestricted = "read_restricted" ("read restricted models of the team"),
        SensitiveDetail = "sensitive_detail" ("see cells of fewer than ten rows"),
        ReadAudit = "read_audit" ("read the audit log"),
        RegisterModel = "register_model" ("register models and versions"),
        UploadRun = "upload_run" ("upload results"),
        DescribeModel = "describe_model" ("describe models"),
        DescribeDataset = "describe_dataset" ("describe datasets"),
        ConfirmGroups = "confirm_groups" ("accept or alias groups"),
        VoidRun = "void_run" ("void runs"),
        EditPolicy = "edit_policy" ("edit policies"),
        RequestLaunch = "request_launch" ("request launches"),
        DecideLaunch = "decide_launch" ("launch, suspend or roll back"),
        SignOff = "sign_off" ("sign launches off"),
        AskWaiver = "ask_waiver" ("ask for waivers"),
        ApproveWaiver = "approve_waiver" ("approve waivers"),
        Comment = "comment" ("comment"),
        Mitigate = "mitigate" ("record mitigations"),
        EditOkr = "edit_okr" ("edit objectives and key results"),
        CheckIn = "check_in" ("check in key results"),
        EditRegistry = "edit_registry" ("edit the attribute registry"),
        ManageTeams = "manage_teams" ("manage teams"),
        ManagePeople = "manage_people" ("manage people, roles and tokens"),
    }
}

impl Role {
    /// The permission table: who may. A permission that is not listed does not compile, a role that
    /// is not listed may not.
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        use Role::{Admin, Engineer, Executive, Lead, Reviewer, Viewer};
        match permission {
            P::Read => matches!(self, Admin | Lead | Engineer | Reviewer | Executive | Viewer),
            P::ReadRestricted => matches!(self, Admin | Lead | Engineer | Reviewer),
            P::SensitiveDetail => matches!(self, Lead | Reviewer),
            P::ReadAudit => matches!(self, Admin | Lead | Reviewer | Executive),
            P::RegisterModel | P::UploadRun => matches!(self, Lead | Engineer),
            P::DescribeModel | P::ConfirmGroups | P::VoidRun => matches!(self, Lead),
            P::DescribeDataset => matches!(self, Admin | Lead),
            P::EditPolicy | P::RequestLaunch | P::DecideLaunch | P::EditOkr => {
                matches!(self, Lead)
            }
            // No admin, executive or lead signs by that role alone.
            P::SignOff => matches!(self, Reviewer),
            P::AskWaiver | P::Mitigate | P::CheckIn => matches!(self, Lead | Engineer),
            P::ApproveWaiver => matches!(self, Lead | Reviewer),
            P::Comment => matches!(self, Lead | Engineer | Reviewer | Executive),
            P::EditRegistry | P::ManageTeams | P::ManagePeople => matches!(self, Admin),
        }
    }
}

impl Permission {
    /// The token scope that carries it; `None`: a person in a session only.
    pub const fn token_scope(self) -> Option<TokenScope> {
        match self {
            Self::Read | Self::ReadRestricted | Self::SensitiveDetail | Self::ReadAudit => {
                Some(TokenScope::Read)
            }
            Self::RegisterModel | Self::DescribeModel | Self::ManageTeams => {
                Some(TokenScope::ModelsWrite)
            }
            Self::UploadRun => Some(TokenScope::RunsWrite),
            Self::RequestLaunch => Some(TokenScope::LaunchesWrite),
            Self::Mitigate => Some(TokenScope::MitigationsWrite),
            Self::EditOkr | Self::CheckIn => Some(TokenScope::OkrsWrite),
            Self::EditPolicy
            | Self::DecideLaunch
            | Self::SignOff
            | Self::AskWaiver
            | Self::ApproveWaiver
            | Self::Comment
            | Self::DescribeDataset
            | Self::ConfirmGroups
            | Self::VoidRun
            | Self::EditRegistry
            | Self::ManagePeople => None,
        }
    }
}

/// A role, in one team with its sub-teams, or everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
    /// `None`: in every team.
    pub team: Option<TeamId>,
}

/// Where a permission is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// In the organisation as a whole: only a grant for every team counts.
    Organisation,
    /// In at least one team: what a link or a list needs to know.
    Anywhere,
    /// In this team; the slice is the team and then its parents, upwards.
    Team(&'a [TeamId]),
}

/// All that a person was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    pub roles: Vec<Grant>,
    pub functions: Vec<Function>,
}

impl Grants {
    /// Whether any of the grants allows it there.
    pub fn may(&self, permission: Permission, scope: Scope<'_>) -> bool {
        self.roles.iter().any(|grant| {
            grant.role.may(permission)
                && match (grant.team, scope) {
                    (None, _) | (Some(_), Scope::Anywhere) => true,
                    // Reads are organisation-wide for whoever has any role at all.
                    (Some(_), Scope::Organisation) => matches!(permission, Permission::Read),
                    (Some(team), Scope::Team(lineage)) => {
                        matches!(permission, Permission::Read) || lineage.contains(&team)
                    }
                }
        })
    }

    /// Whether the person administers the whole organisation.
    pub fn is_admin(&self) -> bool {
        self.may(Permission::ManagePeople, Scope::Organisation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn team(n: u128) -> TeamId {
        TeamId(Uuid::from_u128(n))
    }

    fn granted(role: Role, team: Option<TeamId>) -> Grants {
        Grants { roles: vec![Grant { role, team }], functions: vec![] }
    }

    #[test]
    fn nobody_may_anything_without_a_role() {
        for permission in Permission::ALL {
            assert!(!Grants::default().may(*permission, Scope::Anywhere), "{permission}");
        }
    }

    #[test]
    fn an_engineer_uploads_in_her_team_and_its_sub_teams_only() {
        let ann = granted(Role::Engineer, Some(team(1)));
        assert!(ann.may(Permission::UploadRun, Scope::Team(&[team(1)])));
        assert!(ann.may(Permission::UploadRun, Scope::Team(&[team(2), team(1)])));
        assert!(!ann.may(Permission::UploadRun, Scope::Team(&[team(3)])));
        assert!(!ann.may(Permission::UploadRun, Scope::Organisation));
        assert!(ann.may(Permission::Read, Scope::Team(&[team(3)])));
    }

    #[test]
    fn no_token_reaches_people_the_registry_or_what_a_lead_decides() {
        for permission in [
            Permission::ManagePeople,
            Permission::EditRegistry,
            Permission::ConfirmGroups,
            Permission::VoidRun,
            Permission::EditPolicy,
            Permission::DecideLaunch,
            Permission::SignOff,
            Permission::AskWaiver,
            Permission::ApproveWaiver,
        ] {
            assert_eq!(permission.token_scope(), None, "{permission}");
        }
    }

    #[test]
    fn every_stored_word_reads_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
    }
}
