//! `POST /preferences/theme`: stores the theme in a cookie and redirects to the page that the form was on.

use axum::Form;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::platform::http::THEME_COOKIE;
use crate::platform::{App, Problem};
use crate::shared::{ReturnPath, Theme};

const YEAR: u32 = 31_536_000;

#[derive(Deserialize)]
pub struct ThemeForm {
    theme: String,
    #[serde(default)]
    back: String,
}

pub async fn choose(State(app): State<App>, Form(form): Form<ThemeForm>) -> Response {
    let Some(theme) = Theme::parse(&form.theme) else {
        return Problem::of(StatusCode::UNPROCESSABLE_ENTITY)
            .detail("A theme is system, light or dark.")
            .into_response();
    };
    let back = ReturnPath::or_home(&form.back);
    let cookie = cookie(theme, app.public_url.is_secure());
    ([(header::SET_COOKIE, cookie)], Redirect::to(back.as_str())).into_response()
}

fn cookie(theme: Theme, secure: bool) -> String {
    // The theme of the operating system needs no cookie, so an existing one is deleted.
    let (value, age) = theme.pinned().map_or(("", 0), |theme| (theme, YEAR));
    let secure = if secure { "; Secure" } else { "" };
    format!("{THEME_COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_lasts_a_year_and_the_system_needs_none() {
        assert_eq!(
            cookie(Theme::Dark, true),
            "latchkey_theme=dark; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            cookie(Theme::System, false),
            "latchkey_theme=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }
}
