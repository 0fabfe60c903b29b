"""Uses the Python client that was generated from the server's document, with the server's address and an owner's key."""

import collections
import datetime
import sys

from latchkey_client import AuthenticatedClient
from latchkey_client.api.audit import list_audit_events
from latchkey_client.api.checks import verify_key
from latchkey_client.api.keys import create_key, edit_key, get_key, get_key_usage, get_me, list_keys, revoke_key
from latchkey_client.models import (
    Key,
    KeyEdit,
    KeyWithToken,
    Kind,
    NewKey,
    Outcome,
    Problem,
    Role,
    Status,
    VerifyRequest,
)

url, token = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)
later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)


def same(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


# A key is created, listed, shown and edited.
created = create_key.sync(client=client, body=NewKey(name="generated", role=Role.MEMBER, expires_at=later))
assert isinstance(created, KeyWithToken), created
same((created.kind, created.role, created.status), (Kind.LIVE, Role.MEMBER, Status.ACTIVE))
assert abs(created.expires_at - later) < datetime.timedelta(seconds=1), created.expires_at
listed = list_keys.sync(client=client, q="generated", status=Status.ACTIVE, limit=1)
same([key.id for key in listed.data], [created.id])
shown = get_key.sync(created.id, client=client)
assert type(shown) is Key, shown
same((shown.id, shown.name, shown.rotation, shown.last_used_at), (created.id, "generated", None, None))
edited = edit_key.sync(created.id, client=client, body=KeyEdit(note="by a generated client", expires_at=None))
same((edited.note, edited.expires_at), ("by a generated client", None))

# It is verified, and used in the other header.
verified = verify_key.sync(client=client, body=VerifyRequest(key=created.key, role=Role.MEMBER, kinds=[Kind.LIVE]))
same((verified.valid, verified.code, verified.key.id, verified.role), (True, Outcome.VALID, created.id, Role.MEMBER))
too_low = verify_key.sync(client=client, body=VerifyRequest(key=created.key, role=Role.OWNER))
same((too_low.valid, too_low.code), (False, Outcome.ROLE_TOO_LOW))
other = AuthenticatedClient(base_url=url, token=created.key, prefix="", auth_header_name="X-API-Key")
same(get_me.sync(client=other).key.id, created.id)

# Its usage and what happened to it.
usage = get_key_usage.sync(created.id, client=client, hours=2)
same(usage.key_id, created.id)
requests = collections.Counter()
for hour in usage.hours:
    requests[hour.outcome] += hour.requests
same(requests, {Outcome.VALID: 2, Outcome.ROLE_TOO_LOW: 1})
assert usage.from_ < usage.to and usage.hours[0].hour.minute == 0, usage
assert all(caller.last_at >= caller.first_at for caller in usage.callers), usage
revoked = revoke_key.sync(created.id, client=client)
same((revoked.status, revoked.is_active), (Status.REVOKED, False))
events = list_audit_events.sync(client=client, target=created.id, limit=10)
same([event.action for event in events.data], ["key.revoked", "key.edited", "key.created"])
assert events.data[0].at.tzinfo is not None, events.data[0]

# Refusals have their form.
refused = get_key.sync("01a1f866-0d00-7fff-bfff-ffffffffffff", client=client)
assert isinstance(refused, Problem) and refused.status == 404, refused
refused = get_me.sync(client=other)
assert isinstance(refused, Problem) and refused.status == 401, refused
