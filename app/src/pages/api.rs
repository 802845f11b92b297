//! The API for those who call it: every call, what it takes and gives, and what refusals mean.

use super::parts::{Badge, BadgeKind, Lede, PageHeader, Panel, Scroll};
use leptos::prelude::*;

#[derive(Clone, Debug)]
pub struct ApiView {
    pub version: String,
    /// A command that works once a token is put in.
    pub first: String,
    /// What holds for every call.
    pub about: Vec<String>,
    pub areas: Vec<AreaView>,
    pub refusals: Vec<RefusalView>,
    /// What bodies are made of, by name.
    pub objects: Vec<ObjectView>,
    /// Path and title of each published JSON Schema.
    pub schemas: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct AreaView {
    pub name: String,
    pub about: String,
    pub calls: Vec<CallView>,
}

#[derive(Clone, Debug)]
pub struct CallView {
    /// Its name in generated clients; makes it a target of links.
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub about: String,
    /// What a token needs, in words.
    pub needs: String,
    pub parameters: Vec<FieldView>,
    pub bodies: Vec<BodyView>,
    pub answers: Vec<AnswerView>,
    /// Statuses with the names of their kinds.
    pub refusals: Vec<(String, String)>,
}

/// A parameter, or a field of an object.
#[derive(Clone, Debug)]
pub struct FieldView {
    pub name: String,
    /// Where a parameter stands; empty for a field.
    pub place: String,
    pub kind: KindView,
    pub is_required: bool,
    pub about: String,
}

/// What a value is, in words, and the object that the words name.
#[derive(Clone, Debug, Default)]
pub struct KindView {
    pub words: String,
    pub object: Option<String>,
}

#[derive(Clone, Debug)]
pub struct BodyView {
    pub media: String,
    pub kind: KindView,
    pub example: Option<String>,
}

#[derive(Clone, Debug)]
pub struct AnswerView {
    pub status: String,
    pub says: String,
    pub bodies: Vec<BodyView>,
}

#[derive(Clone, Debug)]
pub struct RefusalView {
    pub slug: String,
    pub status: u16,
    pub title: String,
    pub about: String,
}

#[derive(Clone, Debug)]
pub struct ObjectView {
    pub name: String,
    pub about: String,
    pub fields: Vec<FieldView>,
    /// What it is where it has no fields.
    pub kind: KindView,
}

#[component]
pub fn ApiPage(view: ApiView) -> impl IntoView {
    let about = view.about.into_iter().map(|text| view! { <p>{marked(&text)}</p> }).collect_view();
    let contents = view.areas.iter().map(contents).collect_view();
    let areas = view.areas.into_iter().map(area).collect_view();
    let refusals = view.refusals.into_iter().map(refusal).collect_view();
    let objects = view.objects.into_iter().map(object).collect_view();
    let schemas = view
        .schemas
        .into_iter()
        .map(|(path, title)| view! { <li><a href=path>{title}</a></li> })
        .collect_view();
    view! {
        <PageHeader title="API" subtitle=format!("version {}", view.version)>
            <a class="button" href="/api/v1/openapi.json">
                "OpenAPI 3.1"
            </a>
        </PageHeader>
        <Lede>"Everything that a program may do, with the scope that each call needs."</Lede>
        <Panel title="Begin">
            <div class="api-about">
                <p>
                    "Make a token under " <a href="/account/tokens">"API tokens"</a>
                    " and put it into the environment as EVENHAND_TOKEN."
                </p>
                <pre class="command" tabindex="0" aria-label="Command to copy">
                    <code>{view.first}</code>
                </pre>
                {about}
            </div>
        </Panel>
        <nav class="panel api-contents" aria-label="Calls">
            {contents}
        </nav>
        {areas}
        <Panel
            title="Refusals and failures"
            note="application/problem+json; type leads to one of these"
            id="refusals"
        >
            <Scroll label="Refusals and failures">
                <table class="api">
                    <thead>
                        <tr>
                            <th scope="col">"Status"</th>
                            <th scope="col">"Title"</th>
                            <th scope="col">"When it comes, and what helps"</th>
                        </tr>
                    </thead>
                    <tbody>{refusals}</tbody>
                </table>
            </Scroll>
        </Panel>
        <Panel title="Documents that you write" note="JSON Schema 2020-12">
            <ul>{schemas}</ul>
        </Panel>
        <Panel title="Objects" note="what bodies are made of">
            {objects}
        </Panel>
    }
    .into_any()
}

/// Text in which words between backquotes are code.
fn marked(text: &str) -> AnyView {
    text.split('`')
        .enumerate()
        .map(|(place, part)| {
            let part = part.to_owned();
            if place % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
        })
        .collect_view()
        .into_any()
}

fn contents(area: &AreaView) -> impl IntoView + use<> {
    let calls = area
        .calls
        .iter()
        .map(|call| {
            let href = format!("#{}", call.id);
            view! { <li><a href=href>{call.summary.clone()}</a></li> }
        })
        .collect_view();
    view! {
        <section>
            <h3>{area.name.clone()}</h3>
            <ul>{calls}</ul>
        </section>
    }
}

fn area(area: AreaView) -> impl IntoView {
    let calls = area.calls.into_iter().map(call).collect_view();
    view! {
        <Panel title=area.name>
            <p>{area.about}</p>
            {calls}
        </Panel>
    }
}

fn call(call: CallView) -> impl IntoView {
    let about = (!call.about.is_empty()).then(|| view! { <p>{marked(&call.about)}</p> });
    let parameters = (!call.parameters.is_empty())
        .then(|| fields(format!("Parameters of {}", call.id), call.parameters));
    let bodies = call.bodies.into_iter().map(|it| body("Send", it)).collect_view();
    let answers = call.answers.into_iter().map(answer).collect_view();
    let refusals = call
        .refusals
        .into_iter()
        .map(|(status, slug)| {
            let href = format!("#{slug}");
            view! { <a href=href>{status}</a> " " }
        })
        .collect_view();
    view! {
        <section class="call" id=call.id>
            <h3>{call.summary}</h3>
            <p>
                <Badge text=call.method kind=BadgeKind::Thin /> " " <code>{call.path}</code>
                <span class="faint">" " {call.needs}</span>
            </p>
            {about}
            {parameters}
            {bodies}
            {answers}
            <p class="faint">"Refusals: " {refusals}</p>
        </section>
    }
    .into_any()
}

fn answer(answer: AnswerView) -> impl IntoView {
    let head = format!("{}: {}", answer.status, answer.says);
    let bodies = answer.bodies.into_iter().map(|it| body("Get", it)).collect_view();
    view! {
        <p>{head}</p>
        {bodies}
    }
}

fn body(verb: &'static str, body: BodyView) -> impl IntoView {
    let of = kind(body.kind);
    let media = body.media;
    let line = view! { {verb} " " <code>{media}</code> " " {of} };
    let example = body.example.map(|example| {
        view! {
            <details>
                <summary>"Example"</summary>
                <pre tabindex="0">
                    <code>{example}</code>
                </pre>
            </details>
        }
    });
    view! {
        <p>{line}</p>
        {example}
    }
}

fn kind(kind: KindView) -> AnyView {
    match kind.object {
        Some(object) => {
            let href = format!("#object-{object}");
            view! { <a href=href>{kind.words}</a> }.into_any()
        }
        None => kind.words.into_any(),
    }
}

fn fields(label: String, fields: Vec<FieldView>) -> impl IntoView {
    let rows = fields
        .into_iter()
        .map(|field| {
            let needed = if field.is_required { "needed" } else { "" };
            let place = (!field.place.is_empty())
                .then(|| view! { <span class="faint">" in " {field.place}</span> });
            view! {
                <tr>
                    <th scope="row">
                        <code>{field.name}</code>
                        {place}
                    </th>
                    <td>{kind(field.kind)}</td>
                    <td>{needed}</td>
                    <td class="text">{marked(&field.about)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Scroll label=label>
            <table class="api">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Kind"</th>
                        <th scope="col">"Needed"</th>
                        <th scope="col">"What it says"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

fn refusal(refusal: RefusalView) -> impl IntoView {
    view! {
        <tr id=refusal.slug>
            <td>{refusal.status}</td>
            <th scope="row">{refusal.title}</th>
            <td class="text">{refusal.about}</td>
        </tr>
    }
}

fn object(object: ObjectView) -> impl IntoView {
    let id = format!("object-{}", object.name);
    let about = (!object.about.is_empty()).then(|| view! { <p>{marked(&object.about)}</p> });
    let inside = if object.fields.is_empty() {
        view! { <p>{kind(object.kind)}</p> }.into_any()
    } else {
        fields(format!("Fields of {}", object.name), object.fields).into_any()
    };
    view! {
        <section class="call" id=id>
            <h3>{object.name}</h3>
            {about}
            {inside}
        </section>
    }
    .into_any()
}
