"""Verifies a request with the published library. Argument: JSON with secret, body and headers. Prints the event's type, or
the name of the error."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

request = json.loads(sys.argv[1])
try:
    event = Webhook(request["secret"]).verify(request["body"], request["headers"])
    print((event if isinstance(event, dict) else json.loads(request["body"]))["type"])
except WebhookVerificationError as error:
    print(type(error).__name__)
