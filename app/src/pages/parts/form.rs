//! Form parts: plain HTML that keeps what was typed and says at each field what is wrong.
//!
//! A [`Form`] hands its errors to the fields inside it, and lists them at its top with a link to
//! each field; a field outside of any form part may be given `errors` itself.

use crate::form::FieldErrors;
use leptos::prelude::*;
use leptos::tachys::reactive_graph::OwnedView;
use std::sync::{Arc, Mutex};

/// What a form tells its fields, and what they tell it.
#[derive(Clone, Default)]
struct Around {
    prefix: Option<String>,
    errors: FieldErrors,
    /// Name, id and label of the fields so far, so that the summary can link to them.
    fields: Arc<Mutex<Vec<Registered>>>,
}

#[derive(Clone)]
struct Registered {
    name: String,
    id: String,
    label: String,
}

/// A field's place in its form: its id, what is wrong with it, and what describes it.
struct Place {
    id: String,
    messages: Vec<String>,
    described_by: Option<String>,
    invalid: Option<&'static str>,
}

impl Place {
    fn of(name: &str, label: &str, hint: &str, errors: Option<&FieldErrors>) -> Self {
        let around = use_context::<Around>().unwrap_or_default();
        let id = match &around.prefix {
            Some(prefix) => format!("{prefix}-{name}"),
            None => format!("f-{name}"),
        };
        if let Ok(mut fields) = around.fields.lock() {
            fields.push(Registered {
                name: name.to_owned(),
                id: id.clone(),
                label: label.to_owned(),
            });
        }
        let messages = errors.unwrap_or(&around.errors).of(name).to_vec();
        let mut described_by = Vec::new();
        if !messages.is_empty() {
            described_by.push(format!("{id}-error"));
        }
        if !hint.is_empty() {
            described_by.push(format!("{id}-hint"));
        }
        Self {
            described_by: (!described_by.is_empty()).then(|| described_by.join(" ")),
            invalid: (!messages.is_empty()).then_some("true"),
            id,
            messages,
        }
    }

    /// The messages and the hint, below the field.
    fn below(&self, hint: String) -> impl IntoView + use<> {
        let error = (!self.messages.is_empty()).then(|| {
            view! {
                <p class="error" id=format!("{}-error", self.id)>
                    {self.messages.join("; ")}
                </p>
            }
        });
        let hint = (!hint.is_empty())
            .then(|| view! { <p class="hint" id=format!("{}-hint", self.id)>{hint}</p> });
        view! {
            {error}
            {hint}
        }
    }
}

/// A form that changes something.
#[component]
pub fn Form(
    #[prop(into)] action: String,
    /// What was wrong with the last attempt.
    #[prop(optional)]
    errors: FieldErrors,
    /// Fields that nobody sees, such as the version an edit is based on.
    #[prop(optional)]
    hidden: Vec<(String, String)>,
    /// Begins the ids of its fields; needed where a page has several forms.
    #[prop(into, optional)]
    id: Option<String>,
    /// Sends files.
    #[prop(optional)]
    multipart: bool,
    /// Sets its fields beside each other.
    #[prop(optional)]
    inline: bool,
    children: Children,
) -> impl IntoView {
    let around = Around { prefix: id.clone(), errors: errors.clone(), ..Around::default() };
    let fields = Arc::clone(&around.fields);
    let owner = Owner::new();
    let inside = owner.with(|| {
        provide_context(around);
        children()
    });
    let inside = OwnedView::new_with_owner(inside, owner);
    let fields = fields.lock().map(|fields| fields.clone()).unwrap_or_default();
    let hidden = hidden
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    view! {
        <form
            class=if inline { "form inline" } else { "form" }
            id=id
            method="post"
            action=action
            enctype=multipart.then_some("multipart/form-data")
            novalidate
        >
            {summary(&errors, &fields)}
            {hidden}
            {inside}
        </form>
    }
    .into_any()
}

/// All messages at once, in the order of the fields, each with a link to its field.
fn summary(errors: &FieldErrors, fields: &[Registered]) -> Option<impl IntoView + use<>> {
    if errors.is_empty() {
        return None;
    }
    let at_fields = fields.iter().flat_map(|field| {
        errors.of(&field.name).iter().map(|message| {
            let (href, text) = (format!("#{}", field.id), format!("{}: {message}", field.label));
            view! { <li><a href=href>{text}</a></li> }.into_any()
        })
    });
    let elsewhere = errors
        .iter()
        .filter(|(name, _)| fields.iter().all(|field| field.name != *name))
        .map(|(_, message)| view! { <li>{message.to_owned()}</li> }.into_any());
    let messages: Vec<_> = elsewhere.chain(at_fields).collect();
    let title = match messages.len() {
        1 => "One thing needs a look".to_owned(),
        n => format!("{n} things need a look"),
    };
    Some(view! {
        <div class="errors" role="alert">
            <h2>{title}</h2>
            <ul>{messages}</ul>
        </div>
    })
}

/// What a [`TextField`] takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    #[default]
    Text,
    Email,
    Password,
    Number,
    Date,
    Url,
    Search,
    File,
}

impl FieldKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Number => "number",
            Self::Date => "date",
            Self::Url => "url",
            Self::Search => "search",
            Self::File => "file",
        }
    }
}

fn optional_mark(required: bool) -> Option<impl IntoView> {
    (!required).then(|| view! { <span class="optional">" (optional)"</span> })
}

/// One line of text.
#[component]
pub fn TextField(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    /// What was typed before; never shown again for passwords and files.
    #[prop(into, optional)]
    value: String,
    #[prop(optional)] errors: Option<FieldErrors>,
    #[prop(into, optional)] hint: String,
    #[prop(optional)] required: bool,
    #[prop(optional)] kind: FieldKind,
    /// One of HTML's autofill tokens.
    #[prop(into, optional)]
    autocomplete: Option<String>,
    /// Least value of a number or date.
    #[prop(into, optional)]
    min: Option<String>,
    /// Greatest value of a number or date.
    #[prop(into, optional)]
    max: Option<String>,
    /// Step of a number; `any` for fractions.
    #[prop(into, optional)]
    step: Option<String>,
    /// File types, as HTML's `accept`.
    #[prop(into, optional)]
    accept: Option<String>,
) -> impl IntoView {
    let place = Place::of(&name, &label, &hint, errors.as_ref());
    let value = (!matches!(kind, FieldKind::Password | FieldKind::File)).then_some(value);
    view! {
        <div class="field">
            <label for=place.id.clone()>{label} {optional_mark(required)}</label>
            <input
                id=place.id.clone()
                name=name
                type=kind.as_str()
                value=value
                required=required
                autocomplete=autocomplete
                min=min
                max=max
                step=step
                accept=accept
                aria-describedby=place.described_by.clone()
                aria-invalid=place.invalid
            />
            {place.below(hint)}
        </div>
    }
    .into_any()
}

/// Several lines of text.
#[component]
pub fn TextArea(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(into, optional)] value: String,
    #[prop(optional)] errors: Option<FieldErrors>,
    #[prop(into, optional)] hint: String,
    #[prop(optional)] required: bool,
    #[prop(default = 4)] rows: u32,
) -> impl IntoView {
    let place = Place::of(&name, &label, &hint, errors.as_ref());
    // HTML drops one line break after the tag, so that text that begins with one needs another.
    let value = if value.starts_with(['\n', '\r']) { format!("\n{value}") } else { value };
    // Leptos escapes nothing inside a textarea, so that its end tag would end it.
    let value = value.replace('&', "&amp;").replace('<', "&lt;");
    view! {
        <div class="field">
            <label for=place.id.clone()>{label} {optional_mark(required)}</label>
            <textarea
                id=place.id.clone()
                name=name
                rows=rows
                required=required
                aria-describedby=place.described_by.clone()
                aria-invalid=place.invalid
            >
                {value}
            </textarea>
            {place.below(hint)}
        </div>
    }
    .into_any()
}

/// One of several choices.
#[component]
pub fn Select(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    /// Value and words of each choice.
    options: Vec<(String, String)>,
    /// The value chosen before; an unknown one selects the first choice.
    #[prop(into, optional)]
    value: String,
    #[prop(optional)] errors: Option<FieldErrors>,
    #[prop(into, optional)] hint: String,
    #[prop(optional)] required: bool,
) -> impl IntoView {
    let place = Place::of(&name, &label, &hint, errors.as_ref());
    let options = options
        .into_iter()
        .map(|(key, words)| {
            let selected = key == value;
            view! {
                <option value=key selected=selected>
                    {words}
                </option>
            }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for=place.id.clone()>{label} {optional_mark(required)}</label>
            <select
                id=place.id.clone()
                name=name
                required=required
                aria-describedby=place.described_by.clone()
                aria-invalid=place.invalid
            >
                {options}
            </select>
            {place.below(hint)}
        </div>
    }
    .into_any()
}

/// Yes or no.
#[component]
pub fn CheckBox(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    /// What is sent when it is ticked.
    #[prop(into, default = "true".to_owned())]
    value: String,
    #[prop(optional)] checked: bool,
    #[prop(optional)] errors: Option<FieldErrors>,
    #[prop(into, optional)] hint: String,
) -> impl IntoView {
    let place = Place::of(&name, &label, &hint, errors.as_ref());
    view! {
        <div class="field">
            <div class="check">
                <input
                    type="checkbox"
                    id=place.id.clone()
                    name=name
                    value=value
                    checked=checked
                    aria-describedby=place.described_by.clone()
                    aria-invalid=place.invalid
                />
                <label for=place.id.clone()>{label}</label>
            </div>
            {place.below(hint)}
        </div>
    }
    .into_any()
}

/// Any of several choices; each ticked one is sent under the same name.
#[component]
pub fn CheckList(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    /// Value and words of each choice.
    options: Vec<(String, String)>,
    /// The values that are ticked.
    #[prop(optional)]
    chosen: Vec<String>,
    #[prop(optional)] errors: Option<FieldErrors>,
    #[prop(into, optional)] hint: String,
) -> impl IntoView {
    let place = Place::of(&name, &label, &hint, errors.as_ref());
    let boxes = options
        .into_iter()
        .enumerate()
        .map(|(i, (key, words))| {
            let id = format!("{}-{i}", place.id);
            let checked = chosen.contains(&key);
            view! {
                <div class="check">
                    <input type="checkbox" id=id.clone() name=name.clone() value=key checked=checked />
                    <label for=id>{words}</label>
                </div>
            }
        })
        .collect_view();
    view! {
        <fieldset
            class="field whole"
            id=place.id.clone()
            aria-describedby=place.described_by.clone()
        >
            <legend>{label}</legend>
            <div class="checks">{boxes}</div>
            {place.below(hint)}
        </fieldset>
    }
    .into_any()
}

/// How heavy a button looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubmitKind {
    /// The one thing that the form is for.
    #[default]
    Primary,
    /// One of several.
    Plain,
    /// What cannot be taken back.
    Danger,
}

/// The button that sends a form.
#[component]
pub fn Submit(
    #[prop(into)] label: String,
    #[prop(optional)] kind: SubmitKind,
    /// Tells which of several buttons was pressed.
    #[prop(into, optional)]
    name: Option<String>,
    #[prop(into, optional)] value: Option<String>,
    /// Links beside it, such as "Cancel".
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let class = match kind {
        SubmitKind::Primary => "primary",
        SubmitKind::Plain => "",
        SubmitKind::Danger => "danger",
    };
    view! {
        <div class="submit">
            <button class=class name=name value=value>
                {label}
            </button>
            {children.map(|children| children())}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::parts::{Frame, document};

    #[test]
    fn a_refused_form_shows_what_was_typed_and_links_each_message_to_its_field() {
        let mut errors = FieldErrors::one("slug", "takes a-z, 0-9 and -");
        errors.add("", "the model was changed meanwhile");
        let html = document(Frame::default(), || {
            view! {
                <Form action="/models" errors=errors>
                    <TextField label="Slug" name="slug" value="<Bad>\"" required=true />
                    <TextField label="Password" name="password" value="secret" kind=FieldKind::Password />
                </Form>
            }
        });
        assert!(html.contains("value=\"&lt;Bad&gt;&quot;\""), "{html}");
        assert!(html.contains("href=\"#f-slug\""), "{html}");
        assert!(html.contains("aria-describedby=\"f-slug-error\""), "{html}");
        assert!(html.contains("aria-invalid=\"true\""), "{html}");
        assert!(html.contains("the model was changed meanwhile"), "{html}");
        assert!(!html.contains("secret"), "a password is never shown again: {html}");
    }

    #[test]
    fn text_that_would_end_its_text_area_stays_in_it() {
        let html = document(Frame::default(), || {
            view! { <TextArea label="Notes" name="notes" value="</textarea><script>&lt;" /> }
        });
        assert!(html.contains("&lt;/textarea>&lt;script>&amp;lt;</textarea>"), "{html}");
    }

    #[test]
    fn the_fields_of_two_forms_on_a_page_have_ids_and_errors_of_their_own() {
        let html = document(Frame::default(), || {
            view! {
                <Form action="/a" id="first" errors=FieldErrors::one("name", "is missing")>
                    <TextField label="Name" name="name" />
                </Form>
                <Form action="/b" id="second">
                    <TextField label="Name" name="name" />
                </Form>
            }
        });
        assert!(html.contains("id=\"first-name-error\""), "{html}");
        assert!(html.contains("id=\"second-name\""), "{html}");
        assert!(!html.contains("second-name-error"), "{html}");
    }
}
