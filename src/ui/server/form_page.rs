//! Renders pages with one form. `FormPage` renders what they share: the frame, the heading, the error summary and the buttons. The
//! page adds its fields.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::page::Page;
use crate::platform::App;
use crate::platform::http::Visit;
use crate::ui::form::{Form, FormErrors, SubmitButton};
use crate::ui::parts::{Look, Size, button_class};
use crate::ui::shell::{Breadcrumb, Chrome, PageHead, Shell, Solo, SoloWidth};

pub struct FormPage {
    page: Page,
    frame: FormFrame,
    action: String,
    /// None uses the title of the document.
    heading: Option<String>,
    text: String,
    failed: String,
    submit: FormSubmit,
}

enum FormFrame {
    /// Only the form, for people who are not signed in.
    Solo { host: String, below: Option<FormFooter> },
    /// Only the form, in a panel whose sections are part of the fields.
    Panel { host: String },
    /// With the navigation, for people who are signed in.
    Shell { chrome: Box<Chrome>, up: Vec<(String, String)>, here: Option<String>, layout: FormLayout },
}

/// Text below a form, rendered lazily because it needs the context of the page around it.
type FormFooter = Box<dyn FnOnce() -> AnyView + Send>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormLayout {
    /// A few short fields.
    #[default]
    Narrow,
    /// Choices and lists.
    Wide,
    /// Groups of fields with their own spacing, and a line above the buttons.
    Grouped,
}

impl FormLayout {
    const fn form(self) -> &'static str {
        match self {
            Self::Narrow => "mt-6 grid max-w-[26rem] gap-4",
            Self::Wide => "mt-6 grid max-w-[40rem] gap-5",
            Self::Grouped => "mt-5 max-w-[36rem]",
        }
    }

    const fn buttons(self) -> &'static str {
        match self {
            Self::Narrow => "mt-2 flex flex-wrap gap-2",
            Self::Wide => "flex flex-wrap gap-2",
            Self::Grouped => "mt-6 flex flex-wrap gap-2 border-t border-line pt-4",
        }
    }
}

struct FormSubmit {
    text: String,
    saving: &'static str,
    look: Look,
    is_possible: bool,
}

impl FormSubmit {
    fn button(self, size: Size, class: &'static str) -> Option<AnyView> {
        let Self { text, saving, look, is_possible } = self;
        is_possible.then(|| view! { <SubmitButton text saving look size class/> }.into_any())
    }
}

impl FormPage {
    /// A page for people who are not signed in. `action` is its own address.
    pub fn solo(app: &App, visit: &Visit, title: &str, action: impl Into<String>) -> Self {
        let host = app.public_url.authority().to_owned();
        Self::new(Page::new(app, visit, title), FormFrame::Solo { host, below: None }, action.into())
    }

    /// A long form for people who are not signed in. Its fields are sections of a panel, and the first one contains the
    /// `ErrorSummary`.
    pub fn panel(app: &App, visit: &Visit, title: &str, action: impl Into<String>) -> Self {
        let host = app.public_url.authority().to_owned();
        Self::new(Page::new(app, visit, title), FormFrame::Panel { host }, action.into())
    }

    /// A page with navigation. Slices use `orgs::server::page_frame::form_page`.
    pub fn shell(page: Page, chrome: Chrome, action: impl Into<String>) -> Self {
        let (chrome, layout) = (Box::new(chrome), FormLayout::default());
        let frame = FormFrame::Shell { chrome, up: Vec::new(), here: None, layout };
        Self::new(page, frame, action.into())
    }

    fn new(page: Page, frame: FormFrame, action: String) -> Self {
        let submit =
            FormSubmit { text: String::new(), saving: "Saving…", look: Look::Primary, is_possible: true };
        Self { page, frame, action, heading: None, text: String::new(), failed: String::new(), submit }
    }

    /// Sets the heading, if it is not the title of the document.
    #[must_use]
    pub fn heading(mut self, heading: impl Into<String>) -> Self {
        self.heading = Some(heading.into());
        self
    }

    /// Sets the sentence below the heading.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Sets the heading of the error summary, such as "The key was not created."
    #[must_use]
    pub fn failed(mut self, failed: impl Into<String>) -> Self {
        self.failed = failed.into();
        self
    }

    #[must_use]
    pub fn submit(mut self, text: impl Into<String>) -> Self {
        self.submit.text = text.into();
        self
    }

    /// Sets the text of the button while the request is in progress, if it is not "Saving…".
    #[must_use]
    pub fn saving(mut self, saving: &'static str) -> Self {
        self.submit.saving = saving;
        self
    }

    #[must_use]
    pub fn look(mut self, look: Look) -> Self {
        self.submit.look = look;
        self
    }

    /// With false, the form has no submit button.
    #[must_use]
    pub fn possible(mut self, is_possible: bool) -> Self {
        self.submit.is_possible = is_possible;
        self
    }

    /// Adds a page to the breadcrumb. "Cancel" leads to the last one; without any it leads to the start page.
    #[must_use]
    pub fn up(mut self, href: impl Into<String>, name: impl Into<String>) -> Self {
        if let FormFrame::Shell { up, .. } = &mut self.frame {
            up.push((href.into(), name.into()));
        }
        self
    }

    /// Sets the page's name in the breadcrumb, if it is not the title of the document.
    #[must_use]
    pub fn here(mut self, name: impl Into<String>) -> Self {
        if let FormFrame::Shell { here, .. } = &mut self.frame {
            *here = Some(name.into());
        }
        self
    }

    #[must_use]
    pub fn layout(mut self, chosen: FormLayout) -> Self {
        if let FormFrame::Shell { layout, .. } = &mut self.frame {
            *layout = chosen;
        }
        self
    }

    /// Adds text below a solo form.
    #[must_use]
    pub fn below(mut self, footer: impl FnOnce() -> AnyView + Send + 'static) -> Self {
        if let FormFrame::Solo { below, .. } = &mut self.frame {
            *below = Some(Box::new(footer));
        }
        self
    }

    /// Renders the page with the fields. With errors, the status is 422.
    pub async fn render<V>(self, errors: FormErrors, fields: impl FnOnce() -> V + Send + 'static) -> Response
    where
        V: IntoView + 'static,
    {
        let Self { page, frame, action, heading, text, failed, submit } = self;
        let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let title = page.title.clone();
        let heading = heading.unwrap_or_else(|| title.clone());
        let content = move || {
            match frame {
            FormFrame::Solo { host, below } => view! {
                <Solo width=SoloWidth::Slim rack=true host>
                    <h1 class="h-page text-center">{heading}</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance [overflow-wrap:anywhere]">{text}</p>
                    <Form action errors failed class="grid gap-4">
                        {fields()}
                        {submit.button(Size::Large, "mt-2 w-full")}
                    </Form>
                    {below.map(|below| below())}
                </Solo>
            }
            .into_any(),
            FormFrame::Panel { host } => view! {
                <Solo width=SoloWidth::Wide tall=true host>
                    <h1 class="h-page text-center">{heading}</h1>
                    <p class="mx-auto mt-1 max-w-[24rem] text-center text-balance text-ink-2 [overflow-wrap:anywhere]">
                        {text}
                    </p>
                    <Form action errors class="panel mt-6">
                        {fields()}
                        <div class="border-t border-line p-5">{submit.button(Size::Large, "w-full")}</div>
                    </Form>
                </Solo>
            }
            .into_any(),
            FormFrame::Shell { chrome, up, here, layout } => {
                let cancel = up.last().map_or_else(|| "/".to_owned(), |(href, _)| href.clone());
                let here = here.unwrap_or(title);
                let breadcrumb = (!up.is_empty()).then(|| view! { <Breadcrumb up here/> });
                view! {
                    <Shell chrome=*chrome>
                        {breadcrumb}
                        <PageHead title=heading text/>
                        <Form action errors failed class=layout.form() novalidate=layout == FormLayout::Grouped>
                            {fields()}
                            <div class=layout.buttons()>
                                {submit.button(Size::Usual, "")}
                                <a class=button_class(Look::Ghost, Size::Usual, "") href=cancel data-cancel="">"Cancel"</a>
                            </div>
                        </Form>
                    </Shell>
                }
                .into_any()
            }
        }
        };
        page.status(status).render(content).await
    }
}
