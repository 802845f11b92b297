//! Policies to begin with.

/// A policy to begin with: the name that its link carries, and its TOML.
pub struct Template {
    pub key: &'static str,
    pub name: &'static str,
    pub source: &'static str,
}

/// Every template, the commonest first.
pub const TEMPLATES: [Template; 4] = [
    Template {
        key: "classification",
        name: "Classification, high risk",
        source: include_str!("templates/classification.toml"),
    },
    Template {
        key: "selection",
        name: "Selection, four-fifths",
        source: include_str!("templates/selection.toml"),
    },
    Template { key: "ranking", name: "Ranking", source: include_str!("templates/ranking.toml") },
    Template {
        key: "generation",
        name: "Text generation",
        source: include_str!("templates/generation.toml"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::parse;

    #[test]
    fn every_template_is_a_policy() {
        for template in TEMPLATES {
            let draft = parse(template.source).expect(template.key);
            assert_eq!(draft.name, template.name);
            assert!(!draft.rules.is_empty() && !draft.sign_offs.is_empty());
        }
    }
}
