claude mcp add --transport http latchkey http://127.0.0.1:3000/api/mcp \
  --header "Authorization: Bearer amt_…"
