curl -H "Authorization: Bearer $LATCHKEY_API_KEY" -H 'Content-Type: application/json' \
  -d '{"key": "ak_live_…", "ip": "203.0.113.9", "permissions": "invoices.read"}' http://127.0.0.1:3000/api/v1/keys/verify
