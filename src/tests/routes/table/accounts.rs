//! Pages before and around the sign-in, and one's own account.

use super::super::row::Access::{Everybody, People, SignedOutOrIn};
use super::super::row::{Row, form, get};

const INGRID: &[(&str, &str)] = &[("name", "Ingrid"), ("password", "tide water marsh lantern")];
const CODES_FILE: &str = "/settings/profile/recovery-codes/file";
const CODE: &str = "abcde-fghjk-mnpqr-23456";
const CONSENT: &str = "/oauth/authorize?response_type=code&client_id=<oauth_client>\
    &redirect_uri=http://127.0.0.1:1/callback&code_challenge_method=S256\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CONSENT_FORM: &[(&str, &str)] = &[
    ("token", "<consent_token>"),
    ("response_type", "code"),
    ("client_id", "<oauth_client>"),
    ("redirect_uri", "http://127.0.0.1:1/callback"),
    ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    ("code_challenge_method", "S256"),
    ("role", "viewer"),
    ("verdict", "approve"),
];
const DEVICES: &str = "/settings/profile/devices";
const METHOD: &str = "/settings/profile/sign-in-methods/{method}";
const OWN_METHOD: &str = "/settings/profile/sign-in-methods/<own_identity>";
const REMOVE_METHOD: &str = "/settings/profile/sign-in-methods/{method}/remove";
const REMOVE_OWN_METHOD: &str = "/settings/profile/sign-in-methods/<own_identity>/remove";

pub const ROWS: &[Row] = &[
    get("/", "", Everybody(303)),
    get("/assets/{hash}/{*path}", "/assets/now/favicon.svg", Everybody(200)),
    get("/favicon.svg", "", Everybody(200)),
    get("/robots.txt", "", Everybody(200)),
    get("/healthz", "", Everybody(200)),
    get("/readyz", "", Everybody(200)),
    get("/metrics", "", Everybody(403)),
    form("/preferences/theme", "", &[("theme", "dark")], Everybody(303)),
    get("/sign-in", "", SignedOutOrIn(200, 303)),
    // A wrong password.
    form("/sign-in", "", &[("email", "<email>"), ("password", "x")], Everybody(422)),
    // No sign-in waits for a second factor.
    get("/sign-in/second-factor", "", Everybody(303)),
    form("/sign-in/second-factor", "", &[("code", "123456")], Everybody(303)),
    form("/sign-out", "", &[], Everybody(303)),
    get("/sign-up", "", Everybody(200)),
    form("/sign-up", "", &[("email", "<email>")], Everybody(200)),
    get("/sign-up/{token}", "/sign-up/<sign_up_token>", Everybody(200)),
    form("/sign-up/{token}", "/sign-up/<sign_up_token>", &[], Everybody(422)),
    get("/auth/{provider}", "/auth/github", Everybody(303)),
    get("/auth/{provider}/callback", "/auth/github/callback?code=a&state=b", Everybody(400)),
    get("/reset", "", Everybody(200)),
    form("/reset", "", &[("email", "<email>")], Everybody(200)),
    get("/reset/{token}", "<reset_path>", Everybody(200)),
    form("/reset/{token}", "<reset_path>", &[], Everybody(422)),
    // The server is set up.
    get("/setup", "", Everybody(404)),
    form("/setup", "", &[], Everybody(422)),
    get("/invite/{token}", "<invite_path>", Everybody(200)),
    form("/invite/{token}", "<invite_path>", &[], Everybody(422)),
    // The person who is signed in has another address than the invitation.
    form("/invite/{token}", "<invite_path>", INGRID, SignedOutOrIn(200, 422)),
    get("/auth/device", "", People([200; 5])),
    form(
        "/auth/device",
        "",
        &[("token", "<form_token>"), ("code", "<user_code>"), ("mine", "yes"), ("verdict", "approve")],
        People([303; 5]),
    ),
    // Without a request, the page says that the app did not say who it is.
    get("/oauth/authorize", "", People([400; 5])),
    get("/oauth/authorize", CONSENT, People([200; 5])),
    form("/oauth/authorize", "", &[("token", "<consent_token>")], People([400; 5])),
    form("/oauth/authorize", "", CONSENT_FORM, People([303; 5])),
    // After any other status, browsers would reconnect.
    get("/live", "/live?topic=person:mail", SignedOutOrIn(204, 200)),
    get("/settings/profile", "", People([200; 5])),
    form("/settings/profile", "", &[("name", "Al")], People([303; 5])),
    form("/settings/profile/letters", "", &[("letters", "idle")], People([303; 5])),
    form("/settings/profile/sessions", "", &[("session", "<own_session>")], People([303; 5])),
    form("/settings/profile/sessions", "", &[("session", "<session>")], People([303; 5])).harmless(),
    get(DEVICES, "/settings/profile/devices?key=<own_login_key>", People([200; 5])),
    get(DEVICES, "/settings/profile/devices?key=<login_key>", People([404; 5])),
    form(DEVICES, "", &[("key", "<own_login_key>")], People([303; 5])),
    form(DEVICES, "", &[("key", "<own_login_key>"), ("confirmed", "yes")], People([303; 5])),
    form(DEVICES, "", &[("key", "<login_key>"), ("confirmed", "yes")], People([404; 5])),
    get("/settings/profile/password", "", People([200; 5])),
    form("/settings/profile/password", "", &[], People([422; 5])),
    get(METHOD, OWN_METHOD, People([200; 5])),
    form(METHOD, OWN_METHOD, &[], People([422; 5])),
    get(REMOVE_METHOD, REMOVE_OWN_METHOD, People([200; 5])),
    form(REMOVE_METHOD, REMOVE_OWN_METHOD, &[], People([422; 5])),
    get("/settings/profile/second-factor", "", People([200; 5])),
    form("/settings/profile/second-factor", "", &[], People([422; 5])),
    get("/settings/profile/second-factor/off", "", People([303; 5])),
    form("/settings/profile/second-factor/off", "", &[], People([422; 5])),
    get("/settings/profile/recovery-codes", "", People([303; 5])),
    form("/settings/profile/recovery-codes", "", &[], People([422; 5])),
    form(CODES_FILE, "", &[("codes", CODE)], People([200; 5])).harmless(),
    form(CODES_FILE, "", &[("codes", "no codes")], People([303; 5])).harmless(),
];

/// Pages that only development builds have.
pub const DEVELOPMENT: &[Row] = &[
    get("/gallery", "", Everybody(200)),
    form("/gallery", "", &[], Everybody(422)),
    get("/gallery/solo", "", Everybody(200)),
    get("/gallery/problem/{status}", "/gallery/problem/404", Everybody(404)),
];
