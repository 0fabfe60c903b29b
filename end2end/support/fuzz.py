"""Hooks for schemathesis: values that the server accepts, and never the key which calls.

Chance alone finds no identifier and no moment, so in every second well-formed call they are replaced by those of a key
made in the run, or by what is fine. The calling key stands in lists too: it would soon be disabled or revoked, and every
later answer would be 401.
"""
import datetime
import itertools
import os

import schemathesis
from schemathesis.generation import GenerationMode

ORG = os.environ["LATCHKEY_FUZZ_ORG"]
OWN = os.environ["LATCHKEY_FUZZ_OWN_KEY"]
# The ids of what was made, by the resource of the path: keys, permissions, webhooks.
made = {"keys": os.environ["LATCHKEY_FUZZ_KEYS"].split()}
turn = itertools.count()
later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)
FINE = {
    "role": "member",
    "kind": "live",
    "expires_at": None,
    "until": later.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "rate_limit_per_minute": 100_000,
    "allowed_ranges": ["127.0.0.0/8"],
    "overlap_seconds": 3_600,
    "ip": "127.0.0.1",
    "external_id": "carrier_4471",
    "metadata": {"tier": "gold"},
    "quota": {"limit": 1_000_000, "period": "day"},
    "cost": 1,
    "events": ["key.*"],
    "description": "fine",
}


def resource(path):
    """The third part of /api/v1/keys/{id}/rotate."""
    return (path.split("/") + [""] * 4)[3]


@schemathesis.hook
def before_call(ctx, case, kwargs):
    well_formed = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
    number = next(turn)
    replace = well_formed and number % 2 == 0
    parameters = case.path_parameters or {}
    if "id" in parameters and (replace or parameters["id"] == OWN):
        ids = made.get(resource(case.path)) or made["keys"]
        # The oldest are revoked, and everything else is done to the youngest, so that these stay as they are.
        some = ids[:3] if case.path.endswith("/revoke") else ids[-3:]
        parameters["id"] = some[number // 2 % len(some)]
    if well_formed and case.path == "/api/v1/key-policy" and isinstance(case.body, dict):
        # Otherwise no key could be created, rotated or enabled from then on.
        rules = ["max_life_days", "allowed_kinds", "allowed_ranges", "approval_from"]
        case.body.update({rule: None for rule in rules})
    if not replace:
        return
    if case.query and "org" in case.query:
        case.query["org"] = ORG
    if isinstance(case.body, dict):
        case.body.update({name: FINE[name] for name in case.body.keys() & FINE.keys()})
        if isinstance(case.body.get("name"), str):
            # Any letters, but no control characters, and no name that is taken.
            letters = "".join(letter for letter in case.body["name"] if letter.isprintable())
            case.body["name"] = f"{letters[:60]} {number}"
            if resource(case.path) == "permissions":
                case.body["name"] = f"made.n{number}"
        if "url" in case.body:
            # Nobody listens there.
            case.body["url"] = f"http://127.0.0.1:1/{number}"
        if "permissions" in case.body:
            # A list of names for keys, a query for checks: the organization lists none of what chance finds.
            if isinstance(case.body["permissions"], list):
                case.body["permissions"] = []
            else:
                del case.body["permissions"]


@schemathesis.hook
def after_call(ctx, case, response):
    if response.status_code == 201:
        made.setdefault(resource(case.path), []).append(response.json()["id"])
