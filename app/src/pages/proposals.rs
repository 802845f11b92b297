//! Groups that a model's runs brought and nobody has accepted yet: accept them all, or say which
//! known name was meant.

use super::models::model_path;
use super::parts::{Badge, BadgeKind, Panel, Scroll, number};
use leptos::prelude::*;

#[derive(Clone, Debug)]
pub struct Proposal {
    pub attribute: String,
    /// Empty where the attribute itself is new: then it may be another name of a known one.
    pub group: String,
    pub nearest: Option<String>,
    /// Known names that it may be another name of.
    pub known: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ProposalsView {
    pub model_slug: String,
    pub model_name: String,
    /// Whether the model's name is in the title, because the page is about more than it.
    pub names_model: bool,
    pub proposals: Vec<Proposal>,
    pub may_confirm: bool,
}

/// The proposals of one model; nothing where there are none.
#[component]
pub fn Proposals(view: ProposalsView) -> impl IntoView {
    if view.proposals.is_empty() {
        return ().into_any();
    }
    let path = model_path(&view.model_slug);
    let groups = view.proposals.iter().filter(|proposal| !proposal.group.is_empty()).count() as u64;
    let title = if view.names_model {
        format!("Proposed by {}", view.model_name)
    } else {
        "Unconfirmed groups".to_owned()
    };
    let accept = view.may_confirm.then(|| {
        view! {
            <form method="post" action=format!("{path}/groups/accept")>
                <button class="primary">
                    {format!("Accept all {}", number::counted(groups, "group", "groups"))}
                </button>
            </form>
        }
    });
    let may_confirm = view.may_confirm;
    let rows = view
        .proposals
        .into_iter()
        .map(|proposal| {
            let alias = may_confirm.then(|| alias_form(&path, &proposal));
            let meant = proposal.nearest.map_or_else(
                || view! { <span class="faint">"nothing near it is known"</span> }.into_any(),
                |nearest| view! { <b>{nearest}</b> }.into_any(),
            );
            let group = if proposal.group.is_empty() {
                view! { <span class="dim">"the attribute itself"</span> }.into_any()
            } else {
                proposal.group.into_any()
            };
            view! {
                <tr>
                    <th scope="row">{proposal.attribute}</th>
                    <td>{group} " " <Badge text="unconfirmed" kind=BadgeKind::Thin /></td>
                    <td>{meant}</td>
                    {may_confirm.then(|| view! { <td>{alias}</td> })}
                </tr>
            }
        })
        .collect_view();
    let note = "shown on every page, but satisfying no policy rule until a lead accepts them";
    view! {
        <Panel title=title note=note>
            <Scroll label="Unconfirmed groups">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Attribute"</th>
                            <th scope="col">"Group"</th>
                            <th scope="col">"Nearest known name"</th>
                            {may_confirm
                                .then(|| view! { <th scope="col">"Is another name of"</th> })}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
            {accept}
        </Panel>
    }
    .into_any()
}

fn alias_form(path: &str, proposal: &Proposal) -> AnyView {
    if proposal.known.is_empty() {
        return view! { <span class="faint">"no confirmed name yet"</span> }.into_any();
    }
    let nearest = proposal.nearest.clone().unwrap_or_default();
    let options = proposal
        .known
        .iter()
        .map(|name| {
            let selected = *name == nearest;
            view! {
                <option value=name.clone() selected=selected>
                    {name.clone()}
                </option>
            }
        })
        .collect_view();
    let what = if proposal.group.is_empty() { &proposal.attribute } else { &proposal.group };
    let label = format!("Known name that {what} stands for");
    view! {
        <form class="pick" method="post" action=format!("{path}/groups/alias")>
            <input type="hidden" name="attribute" value=proposal.attribute.clone() />
            <input type="hidden" name="group" value=proposal.group.clone() />
            <select name="target" aria-label=label>
                <option value="">"choose…"</option>
                {options}
            </select>
            <button>"Make an alias"</button>
        </form>
    }
    .into_any()
}
