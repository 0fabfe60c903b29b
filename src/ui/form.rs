//! Forms post to the page's own address. If the input is refused, the response is the same page with the submitted values, a
//! summary of the errors, each error next to its field, and the focus on the first invalid field. `Form` provides its errors as
//! context; the fields of `parts` find theirs by name.

use leptos::context::Provider;
use leptos::prelude::*;

use super::parts::{HiddenFields, Icon, Look, Size, Symbol, button_class};

/// The organization that a page was rendered for. Every form of the page contains it, so that a form that is sent after the person
/// has switched to another organization changes nothing there. Pages without an organization have none.
#[derive(Clone, Debug)]
pub struct MadeFor(pub String);

/// The errors of a form, in the order of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors(Vec<(String, String)>);

impl FormErrors {
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push((field.into(), message.into()));
    }

    /// The value of a validated field. An error is added to these errors, and the value is then empty.
    pub fn take(&mut self, field: &str, checked: Result<String, String>) -> String {
        checked.map_err(|why| self.add(field, why)).unwrap_or_default()
    }

    /// Adds an error that belongs to no field.
    pub fn add_general(&mut self, message: impl Into<String>) {
        self.add("", message);
    }

    #[must_use]
    pub fn with(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.add(field, message);
        self
    }

    /// The first error of a field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str())
    }

    /// The first field with an error, which gets the focus.
    pub fn first(&self) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !name.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, message)| (field.as_str(), message.as_str()))
    }
}

/// Whether the enclosing form has an error for this field, for controls that are no part of `parts`.
pub fn has_error(field: &str) -> bool {
    Scope::current().errors.of(field).is_some()
}

/// The context that a form provides for its fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Makes the ids of two forms on one page different.
    prefix: String,
    errors: FormErrors,
}

impl Scope {
    /// The scope of the enclosing form, or an empty one outside of any form.
    pub(super) fn current() -> Self {
        use_context().unwrap_or_default()
    }

    pub(super) fn id(&self, field: &str) -> String {
        let prefix = if self.prefix.is_empty() { "f" } else { &self.prefix };
        format!("{prefix}-{field}")
    }

    pub(super) fn errors(&self) -> &FormErrors {
        &self.errors
    }
}

/// A form that changes something. All such forms use this component.
#[component]
pub fn Form(
    #[prop(into)] action: String,
    #[prop(optional)] errors: FormErrors,
    /// The heading of the error summary, such as "The key was not created."; without it the page must contain an `ErrorSummary`.
    #[prop(into, optional)]
    failed: String,
    /// Ids are `<prefix>-<name>`; needed where a page has two forms with the same names.
    #[prop(into, default = "f".to_owned())]
    prefix: String,
    /// The id of the form, for controls that are outside of it.
    #[prop(into, optional)]
    id: String,
    #[prop(into, optional)] class: String,
    /// Leaves validation to the server. A browser does not submit a form with an incomplete date, even if the date is hidden because
    /// it was not chosen.
    #[prop(optional)]
    novalidate: bool,
    children: TypedChildren<impl IntoView + 'static>,
) -> AnyView {
    let children = children.into_inner();
    let org =
        use_context::<MadeFor>().map(|MadeFor(org)| view! { <HiddenFields fields=vec![("org", org)]/> });
    view! {
        <Provider value=Scope { prefix, errors }>
            <form
                method="post" action=action id=(!id.is_empty()).then_some(id)
                class=(!class.is_empty()).then_some(class) novalidate=novalidate
            >
                {org}
                {(!failed.is_empty()).then(|| view! { <ErrorSummary failed class="mb-5"/> })}
                {children()}
            </form>
        </Provider>
    }
    .into_any()
}

/// A summary of the form's errors, with a link to each field. Screen readers read it at once. Renders nothing without errors.
#[component]
pub fn ErrorSummary(#[prop(into)] failed: String, #[prop(into, optional)] class: String) -> AnyView {
    let scope = Scope::current();
    // An error that two fields share appears once in the summary.
    let all: Vec<_> = scope.errors.iter().collect();
    let is_first = |index: usize| all[..index].iter().all(|(_, message)| *message != all[index].1);
    let lines =
        (0..all.len()).filter(|index| is_first(*index)).map(|index| all[index]).map(|(field, message)| {
            let message = message.to_owned();
            if field.is_empty() {
                view! { <li>{message}</li> }.into_any()
            } else {
                view! { <li class="whitespace-pre-line"><a class="link" href=format!("#{}", scope.id(field))>{message}</a></li> }
                    .into_any()
            }
        });
    (!scope.errors.is_empty())
        .then(|| {
            view! {
                <div role="alert" class=format!("note note-danger {class}").trim_end().to_owned()>
                    <Icon symbol=Symbol::Warning/>
                    <div class="min-w-0 [overflow-wrap:anywhere]">
                        <p class="font-medium">{failed}</p>
                        <ul class="mt-0.5 grid gap-0.5">{lines.collect_view()}</ul>
                    </div>
                </div>
            }
        })
        .into_any()
}

/// A submit button. `islands::Saving` changes its text to `saving` while the request is in progress.
#[component]
pub fn SubmitButton(
    #[prop(into)] text: String,
    #[prop(into, default = "Saving…".to_owned())] saving: String,
    #[prop(default = Look::Primary)] look: Look,
    #[prop(optional)] size: Size,
    #[prop(optional)] icon: Option<Symbol>,
    #[prop(into, optional)] name: String,
    #[prop(into, optional)] value: String,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let value = (!name.is_empty()).then_some(value);
    view! {
        <button
            type="submit"
            class=button_class(look, size, &class)
            name=(!name.is_empty()).then_some(name)
            value=value
            data-saving=saving
        >
            {icon.map(|symbol| view! { <Icon symbol/> })}
            <span>{text}</span>
        </button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_order_and_find_their_field() {
        let mut errors = FormErrors::default();
        assert!(errors.is_empty());
        assert_eq!(errors.first(), None);
        errors.add_general("The session has ended.");
        errors.add("name", "Enter a name.");
        errors.add("name", "Too long.");
        errors.add("cidr", "Line 2 is not an address.");
        assert_eq!(errors.of("name"), Some("Enter a name."));
        assert_eq!(errors.of("note"), None);
        assert_eq!(errors.first(), Some("name"));
        assert_eq!(errors.iter().count(), 4);
    }

    #[test]
    fn ids_include_the_prefix_of_the_form() {
        assert_eq!(Scope::default().id("name"), "f-name");
        assert_eq!(Scope { prefix: "invite".to_owned(), ..Scope::default() }.id("role"), "invite-role");
    }
}
