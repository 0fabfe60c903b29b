//! Pages of keys. The table has two rows for a change of one key: of another owner's, and of the caller's own.

use super::super::row::Access::{Everybody, People};
use super::super::row::{Access, Row, form, get};

const NEW: &[(&str, &str)] =
    &[("name", "ci-deploy"), ("kind", "live"), ("role", "viewer"), ("expiry", "never"), ("once", "abc")];
const OWNER_KEY: &[(&str, &str)] =
    &[("name", "ci-deploy"), ("kind", "live"), ("role", "owner"), ("expiry", "never"), ("once", "abc")];
const EDIT: &[(&str, &str)] = &[("name", "ci"), ("expiry", "never")];
const SAMPLE: &[(&str, &str)] = &[("sample_one_in", "100")];
const OVERLAP: &[(&str, &str)] = &[("overlap", "24")];

/// See the key; only admins and owners change it.
const ONE: &str = "/settings/api-keys/{id}";
const SEE: Access = People([200, 200, 200, 200, 404]);
const OWN: Access = People([200; 5]);
const MANAGE: Access = People([403, 403, 200, 200, 404]);
const CHANGE: Access = People([403, 403, 303, 303, 404]);
const CHANGE_OWN: Access = People([303; 5]);

const ALLOW: &str = "/settings/api-keys/{id}/allow";
const ADDRESS: &[(&str, &str)] = &[("address", "10.0.0.7"), ("range", "10.0.0.7/32")];

const PERMISSION_EDIT: &str = "/settings/permissions/{id}/edit";
const PERMISSION_REMOVE: &str = "/settings/permissions/{id}/remove";

pub const ROWS: &[Row] = &[
    // Published clients print these addresses.
    get("/dashboard/api-keys", "", Everybody(303)),
    get("/dashboard/api/keys", "", Everybody(303)),
    get("/app/settings/api-keys", "", Everybody(303)),
    get("/settings/api-keys", "", OWN),
    form("/settings/api-keys", "", &[("q", "ci")], CHANGE_OWN),
    get("/settings/api-keys/export", "", OWN),
    get("/settings/api-keys/new", "", OWN),
    form("/settings/api-keys/new", "", NEW, OWN),
    form("/settings/api-keys/new", "", OWNER_KEY, People([403, 403, 403, 200, 200])),
    form("/settings/api-keys/selected", "", &[("do", "disable"), ("key", "<key>")], CHANGE),
    form("/settings/api-keys/selected", "", &[("do", "disable"), ("key", "<own_key>")], CHANGE_OWN),
    get(
        "/settings/api-keys/disable",
        "/settings/api-keys/disable?key=<key>",
        People([200, 200, 200, 200, 303]),
    ),
    get("/settings/api-keys/disable", "/settings/api-keys/disable?key=<own_key>", OWN),
    form("/settings/api-keys/disable", "", &[("key", "<key>")], CHANGE),
    form("/settings/api-keys/disable", "", &[("key", "<own_key>")], CHANGE_OWN),
    form(
        "/settings/api-keys/undo",
        "",
        &[("change", "disabled"), ("since", "0"), ("key", "<disabled_key>")],
        CHANGE,
    ),
    form(
        "/settings/api-keys/undo",
        "",
        &[("change", "disabled"), ("since", "0"), ("key", "<own_disabled_key>")],
        CHANGE_OWN,
    ),
    get(
        "/settings/api-keys/revoke",
        "/settings/api-keys/revoke?key=<key>",
        People([200, 200, 200, 200, 303]),
    ),
    get("/settings/api-keys/revoke", "/settings/api-keys/revoke?key=<own_key>", OWN),
    // Keys of other organizations are not selected.
    form("/settings/api-keys/revoke", "", &[("key", "<key>")], People([403, 403, 303, 303, 303])),
    form("/settings/api-keys/revoke", "", &[("key", "<own_key>")], CHANGE_OWN),
    get(ONE, "/settings/api-keys/<key>", SEE),
    get(ONE, "/settings/api-keys/<own_key>", OWN),
    get("/settings/api-keys/{id}/edit", "/settings/api-keys/<key>/edit", MANAGE),
    get("/settings/api-keys/{id}/edit", "/settings/api-keys/<own_key>/edit", OWN),
    form("/settings/api-keys/{id}/edit", "/settings/api-keys/<key>/edit", EDIT, CHANGE),
    form("/settings/api-keys/{id}/edit", "/settings/api-keys/<own_key>/edit", EDIT, CHANGE_OWN),
    get("/settings/api-keys/{id}/rotate", "/settings/api-keys/<key>/rotate", MANAGE),
    get("/settings/api-keys/{id}/rotate", "/settings/api-keys/<own_key>/rotate", OWN),
    form("/settings/api-keys/{id}/rotate", "/settings/api-keys/<key>/rotate", OVERLAP, MANAGE),
    form("/settings/api-keys/{id}/rotate", "/settings/api-keys/<own_key>/rotate", OVERLAP, OWN),
    get("/settings/api-keys/{id}/finish", "/settings/api-keys/<rotating_key>/finish", MANAGE),
    get("/settings/api-keys/{id}/finish", "/settings/api-keys/<own_rotating_key>/finish", OWN),
    form("/settings/api-keys/{id}/finish", "/settings/api-keys/<rotating_key>/finish", &[], CHANGE),
    form("/settings/api-keys/{id}/finish", "/settings/api-keys/<own_rotating_key>/finish", &[], CHANGE_OWN),
    form("/settings/api-keys/{id}/extend", "/settings/api-keys/<rotating_key>/extend", &[], CHANGE),
    form("/settings/api-keys/{id}/extend", "/settings/api-keys/<own_rotating_key>/extend", &[], CHANGE_OWN),
    get("/settings/api-keys/{id}/revoke", "/settings/api-keys/<key>/revoke", MANAGE),
    get("/settings/api-keys/{id}/revoke", "/settings/api-keys/<own_key>/revoke", OWN),
    form("/settings/api-keys/{id}/revoke", "/settings/api-keys/<key>/revoke", &[], CHANGE),
    form("/settings/api-keys/{id}/revoke", "/settings/api-keys/<own_key>/revoke", &[], CHANGE_OWN),
    get("/settings/api-keys/{id}/disable", "/settings/api-keys/<key>/disable", MANAGE),
    get("/settings/api-keys/{id}/disable", "/settings/api-keys/<own_key>/disable", OWN),
    form("/settings/api-keys/{id}/disable", "/settings/api-keys/<key>/disable", &[], CHANGE),
    form("/settings/api-keys/{id}/disable", "/settings/api-keys/<own_key>/disable", &[], CHANGE_OWN),
    form("/settings/api-keys/{id}/enable", "/settings/api-keys/<disabled_key>/enable", &[], CHANGE),
    form("/settings/api-keys/{id}/enable", "/settings/api-keys/<own_disabled_key>/enable", &[], CHANGE_OWN),
    get(ALLOW, "/settings/api-keys/<ranged_key>/allow?address=10.0.0.7", MANAGE),
    get(ALLOW, "/settings/api-keys/<own_ranged_key>/allow?address=10.0.0.7", OWN),
    form(ALLOW, "/settings/api-keys/<ranged_key>/allow", ADDRESS, CHANGE),
    form(ALLOW, "/settings/api-keys/<own_ranged_key>/allow", ADDRESS, CHANGE_OWN),
    get("/settings/api-keys/refusals", "", People([200; 5])),
    get("/settings/api-keys/{id}/refusals", "/settings/api-keys/<key>/refusals", SEE),
    get("/settings/api-keys/{id}/refusals", "/settings/api-keys/<own_key>/refusals", OWN),
    form("/settings/api-keys/{id}/refusals", "/settings/api-keys/<key>/refusals", SAMPLE, CHANGE),
    form("/settings/api-keys/{id}/refusals", "/settings/api-keys/<own_key>/refusals", SAMPLE, CHANGE_OWN),
    get("/settings/permissions", "", OWN),
    form("/settings/permissions", "", &[("name", "new.read")], People([403, 403, 303, 303, 303])),
    get(PERMISSION_EDIT, "/settings/permissions/<permission>/edit", MANAGE),
    form(PERMISSION_EDIT, "/settings/permissions/<permission>/edit", &[("description", "two")], CHANGE),
    get(PERMISSION_REMOVE, "/settings/permissions/<permission>/remove", MANAGE),
    form(PERMISSION_REMOVE, "/settings/permissions/<permission>/remove", &[], CHANGE),
];
