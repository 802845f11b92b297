//! Launches: their states, what a signature covers, and who may not give one.

use super::text_enum::text_enum;
use super::{Function, PersonId};
use serde::{Deserialize, Serialize};

text_enum! {
    /// Where a launch stands.
    State {
        Draft = "draft" ("draft"),
        InReview = "in_review" ("in review"),
        Approved = "approved" ("approved"),
        Launched = "launched" ("launched"),
        Rejected = "rejected" ("rejected"),
        Withdrawn = "withdrawn" ("withdrawn"),
        Suspended = "suspended" ("suspended"),
        RolledBack = "rolled_back" ("rolled back"),
        EvidenceVoid = "evidence_void" ("evidence void"),
    }
}

text_enum! {
    /// What can happen to a launch.
    Step {
        Request = "request" ("request"),
        Approve = "approve" ("approve"),
        Reject = "reject" ("reject"),
        Launch = "launch" ("mark as launched"),
        Withdraw = "withdraw" ("withdraw"),
        Suspend = "suspend" ("suspend"),
        Resume = "resume" ("resume"),
        RollBack = "roll_back" ("roll back"),
        VoidEvidence = "void_evidence" ("void its evidence"),
    }
}

impl State {
    /// Where a step leads from here; `None`: it cannot be taken.
    pub const fn after(self, step: Step) -> Option<Self> {
        use State as S;
        match (step, self) {
            // A new request makes a new revision, and every signature is asked for again.
            (
                Step::Request,
                S::Draft | S::InReview | S::Approved | S::Rejected | S::EvidenceVoid,
            ) => Some(S::InReview),
            (Step::Approve, S::InReview) => Some(S::Approved),
            (Step::Reject, S::InReview | S::Approved) => Some(S::Rejected),
            (Step::Launch, S::Approved) | (Step::Resume, S::Suspended) => Some(S::Launched),
            (
                Step::Withdraw,
                S::Draft | S::InReview | S::Approved | S::Rejected | S::EvidenceVoid,
            ) => Some(S::Withdrawn),
            (Step::Suspend, S::Launched) => Some(S::Suspended),
            (Step::RollBack, S::Launched | S::Suspended | S::EvidenceVoid) => Some(S::RolledBack),
            (
                Step::VoidEvidence,
                S::InReview | S::Approved | S::Launched | S::Suspended | S::Rejected,
            ) => Some(S::EvidenceVoid),
            _ => None,
        }
    }

    /// Whether somebody still has to do something about it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::InReview | Self::Approved | Self::EvidenceVoid)
    }
}

text_enum! {
    /// A person's answer in a slot.
    Decision {
        Approve = "approve" ("approved"),
        Reject = "reject" ("rejected"),
    }
}

text_enum! {
    /// Why somebody stands on the side that made what is judged.
    MakerPart {
        Requester = "requester" ("asked for this launch"),
        Uploader = "uploader" ("uploaded one of its runs"),
        PolicyEditor = "policy_editor" ("edited its policy version last"),
        ModelOwner = "model_owner" ("owns the model"),
        WaiverAsker = "waiver_asker" ("asked for one of its waivers"),
        WaiverApprover = "waiver_approver" ("approved one of its waivers"),
    }
}

/// Why this person may not sign in this function; empty: they may.
pub fn barred(
    person: PersonId,
    function: Function,
    held: &[Function],
    made: &[(PersonId, MakerPart)],
    received_after_request: bool,
) -> Vec<String> {
    let mut why = vec![];
    if !held.contains(&function) {
        why.push(format!("you do not sign for {function}"));
    } else if received_after_request {
        why.push(format!(
            "you were given {function} after this revision was requested; a new request counts it"
        ));
    }
    for (_, part) in made.iter().filter(|(maker, _)| *maker == person) {
        let reason = format!("whoever {part} may not sign it");
        if !why.contains(&reason) {
            why.push(reason);
        }
    }
    why
}

/// The version of the rules by which verdicts are computed; a change makes another revision.
pub const ENGINE: &str = "evenhand.verdict/3";

/// What a signature covers. Two revisions with the same content have the same digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub engine: String,
    pub model: ModelContent,
    pub version: String,
    pub version_id: String,
    pub artifact_digest: String,
    /// Sorted by digest.
    pub runs: Vec<RunContent>,
    /// The runs of the launched version that changes are measured from, sorted by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_from: Vec<RunContent>,
    pub policy: Option<PolicyContent>,
    pub registry_version: i64,
    /// Sorted by id.
    pub waivers: Vec<WaiverContent>,
    /// The version that changes are measured against.
    pub compared_with: Option<String>,
    /// Models that this one depends on, with the digest of what is launched of each.
    pub depends_on: Vec<(String, String)>,
}

/// What of a model selects its policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelContent {
    pub slug: String,
    pub team: String,
    pub task: String,
    pub risk_tier: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunContent {
    pub digest: String,
    pub dataset: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyContent {
    pub slug: String,
    pub version: i64,
    pub digest: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverContent {
    pub id: String,
    pub rule: String,
    pub slice: String,
    pub expires_at: String,
}

/// What is different, one sentence each.
pub fn differences(before: &Content, after: &Content) -> Vec<String> {
    let mut said = vec![];
    let mut say = |is_different: bool, what: String| {
        if is_different {
            said.push(what);
        }
    };
    say(before.engine != after.engine, "Verdicts are computed by newer definitions.".to_owned());
    say(before.model != after.model, "The model's team, task or risk tier was changed.".to_owned());
    say(
        before.artifact_digest != after.artifact_digest,
        "The version's artifact is another.".to_owned(),
    );
    let name = |policy: &Option<PolicyContent>| match policy {
        Some(policy) => format!("{}@{}", policy.slug, policy.version),
        None => "no policy".to_owned(),
    };
    say(
        before.policy != after.policy,
        format!("The policy is {}, it was {}.", name(&after.policy), name(&before.policy)),
    );
    say(
        before.registry_version != after.registry_version,
        format!(
            "The attribute registry is at version {}, it was at {}.",
            after.registry_version, before.registry_version
        ),
    );
    say(
        before.compared_with != after.compared_with,
        "Another version has been launched, which changes are measured against.".to_owned(),
    );
    say(
        before.depends_on != after.depends_on,
        "A model that it depends on was launched anew.".to_owned(),
    );
    said.extend(replaced("Run", &before.runs, &after.runs));
    said.extend(replaced("The launched version's run", &before.changed_from, &after.changed_from));
    for waiver in after.waivers.iter().filter(|waiver| !before.waivers.contains(waiver)) {
        said.push(format!("A waiver for {} came in.", waiver.rule));
    }
    for waiver in before.waivers.iter().filter(|waiver| !after.waivers.contains(waiver)) {
        said.push(format!("The waiver for {} no longer counts.", waiver.rule));
    }
    said
}

/// Which runs came in the place of which.
fn replaced(what: &str, before: &[RunContent], after: &[RunContent]) -> Vec<String> {
    let came = after.iter().filter(|run| !before.contains(run)).map(|run| {
        let new = format!("{what} {} on {}", short(&run.digest), run.dataset);
        match before.iter().find(|old| old.dataset == run.dataset) {
            Some(was) => format!("{new} replaced run {}.", short(&was.digest)),
            None => format!("{new} came in."),
        }
    });
    let went = before
        .iter()
        .filter(|run| after.iter().all(|new| new.dataset != run.dataset))
        .map(|run| format!("{what} {} on {} no longer counts.", short(&run.digest), run.dataset));
    came.chain(went).collect()
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.get(..8).unwrap_or(hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    #[test]
    fn only_these_steps_can_be_taken() {
        let mut table = vec![];
        for state in State::ALL {
            for step in Step::ALL {
                if let Some(next) = state.after(*step) {
                    table.push(format!("{} {} {}", state.as_str(), step.as_str(), next.as_str()));
                }
            }
        }
        let expected = "draft request in_review, draft withdraw withdrawn, \
            in_review request in_review, in_review approve approved, in_review reject rejected, \
            in_review withdraw withdrawn, in_review void_evidence evidence_void, \
            approved request in_review, approved reject rejected, approved launch launched, \
            approved withdraw withdrawn, approved void_evidence evidence_void, \
            launched suspend suspended, launched roll_back rolled_back, \
            launched void_evidence evidence_void, rejected request in_review, \
            rejected withdraw withdrawn, rejected void_evidence evidence_void, \
            suspended resume launched, suspended roll_back rolled_back, \
            suspended void_evidence evidence_void, evidence_void request in_review, \
            evidence_void withdraw withdrawn, evidence_void roll_back rolled_back";
        assert_eq!(table.join(", "), expected);
    }

    #[test]
    fn whoever_made_what_is_judged_may_not_judge_it() {
        let function = Function::LegalPrivacy;
        let may = |held: &[Function], made: &[(PersonId, MakerPart)], late| {
            barred(person(1), function, held, made, late)
        };
        assert!(may(&[function], &[(person(2), MakerPart::Requester)], false).is_empty());
        assert!(may(&[Function::Product], &[], false)[0].contains("do not sign for"));
        assert!(may(&[function], &[], true)[0].contains("after this revision was requested"));
        for part in MakerPart::ALL {
            let why = may(&[function], &[(person(1), *part)], false);
            assert_eq!(why, [format!("whoever {part} may not sign it")]);
        }
    }

    #[test]
    fn what_changed_is_said_thing_by_thing() {
        let before = Content {
            engine: ENGINE.to_owned(),
            model: ModelContent {
                slug: "m".to_owned(),
                team: "t".to_owned(),
                task: "ranking".to_owned(),
                risk_tier: "high".to_owned(),
            },
            version: "v1".to_owned(),
            version_id: "1".to_owned(),
            artifact_digest: String::new(),
            runs: vec![RunContent {
                digest: "sha256:77ab0000ff".to_owned(),
                dataset: "census@1".to_owned(),
            }],
            changed_from: vec![],
            policy: None,
            registry_version: 3,
            waivers: vec![],
            compared_with: None,
            depends_on: vec![],
        };
        assert!(differences(&before, &before.clone()).is_empty());
        let after = Content {
            runs: vec![RunContent {
                digest: "sha256:8c1f0000ff".to_owned(),
                dataset: "census@1".to_owned(),
            }],
            changed_from: vec![RunContent {
                digest: "sha256:5e200000ff".to_owned(),
                dataset: "census@1".to_owned(),
            }],
            policy: Some(PolicyContent {
                slug: "high".to_owned(),
                version: 2,
                digest: "d".to_owned(),
            }),
            ..before.clone()
        };
        assert_eq!(
            differences(&before, &after),
            [
                "The policy is high@2, it was no policy.",
                "Run 8c1f0000 on census@1 replaced run 77ab0000.",
                "The launched version's run 5e200000 on census@1 came in.",
            ]
        );
    }
}
