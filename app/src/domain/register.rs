//! What is typed to register and describe models, versions, datasets and attributes, and the same
//! once it is checked. Forms and the API share it, so that both refuse the same things in the same
//! words, all at once.

mod attribute;
mod checks;
mod dataset;
mod model;
mod version;

pub use attribute::{AttributeInput, NewAttribute, RegroupingInput, check_group_name};
pub use checks::split_list;
pub use dataset::{AttributeLabels, DatasetInput, NewDataset, ObtainedInput};
pub use model::{ModelInput, NewModel, ROWS_KEPT_DAYS};
pub use version::{NewVersion, VersionInput};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::Stage;

    fn model() -> ModelInput {
        ModelInput {
            slug: "credit-scorer".to_owned(),
            name: "Credit scorer".to_owned(),
            team: "risk".to_owned(),
            task: "binary_classification".to_owned(),
            risk_tier: "high".to_owned(),
            ..ModelInput::default()
        }
    }

    #[test]
    fn a_model_needs_five_things_and_the_rest_has_defaults() {
        let checked = model().check().unwrap();
        assert_eq!(checked.stage, Stage::Development);
        assert_eq!(checked.rows_kept_days, Some(ROWS_KEPT_DAYS));
        let errors = ModelInput::default().check().unwrap_err();
        let fields: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["name", "risk_tier", "slug", "task", "team"]);
    }

    #[test]
    fn a_model_cannot_depend_on_itself_nor_be_called_new() {
        let errors = ModelInput { depends_on: vec!["credit-scorer".to_owned()], ..model() }.check();
        assert!(!errors.unwrap_err().of("depends_on").is_empty());
        let errors = ModelInput { slug: "new".to_owned(), ..model() }.check();
        assert!(!errors.unwrap_err().of("slug").is_empty());
    }

    #[test]
    fn rows_are_kept_for_some_days_or_not_at_all() {
        let kept = |days: &str| {
            ModelInput { rows_kept_days: days.to_owned(), ..model() }
                .check()
                .map(|m| m.rows_kept_days)
        };
        assert_eq!((kept("0").unwrap(), kept(" 30 ").unwrap()), (None, Some(30)));
        for wrong in ["-1", "1.5", "4000", "a year"] {
            assert!(!kept(wrong).unwrap_err().of("rows_kept_days").is_empty(), "{wrong}");
        }
    }

    #[test]
    fn every_editable_field_of_a_model_can_be_taken_from_another() {
        let other = ModelInput {
            slug: model().slug,
            name: "a".into(),
            team: "b".into(),
            task: "c".into(),
            risk_tier: "d".into(),
            stage: "e".into(),
            positive_outcome: "f".into(),
            architecture: "g".into(),
            surface: "h".into(),
            intended_use: "i".into(),
            out_of_scope_use: "j".into(),
            owners: vec!["k".into()],
            depends_on: vec!["l".into()],
            restricted: true,
            rows_kept_days: "m".into(),
        };
        let mut input = model();
        for field in other.fields() {
            input.take(field.name, &other);
        }
        assert_eq!(input, other);
    }

    #[test]
    fn what_was_not_measured_needs_a_reason() {
        let mut input = DatasetInput {
            name: "adult-test".to_owned(),
            label: "1994".to_owned(),
            attributes: vec![ObtainedInput {
                attribute: "disability".to_owned(),
                obtained: "not_measured".to_owned(),
                note: String::new(),
            }],
            ..DatasetInput::default()
        };
        assert!(!input.check().unwrap_err().of("note_0").is_empty());
        "the census did not ask".clone_into(&mut input.attributes[0].note);
        assert_eq!(input.check().unwrap().attributes.len(), 1);
    }

    #[test]
    fn an_artifact_digest_is_sha256_and_64_digits() {
        let version = |digest: &str| VersionInput {
            label: "v1".to_owned(),
            artifact_digest: digest.to_owned(),
            ..VersionInput::default()
        };
        assert!(version(&format!("sha256:{}", "aB".repeat(32))).check().is_ok());
        assert!(version("").check().is_ok());
        assert!(version("sha256:12").check().is_err());
    }

    #[test]
    fn a_group_named_missing_is_refused() {
        assert!(check_group_name(" (missing) ").is_err());
        assert_eq!(check_group_name(" 30.0 ").unwrap(), "30");
    }
}
