# The official Python client of the Model Context Protocol: connects with a key, calls every tool that reads, and prints what it got
# as one JSON object. Arguments: the address of the server and the name of a key. LATCHKEY_API_KEY is the key that it presents.
import asyncio
import json
import os
import sys

from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


async def main(url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {os.environ['LATCHKEY_API_KEY']}"}
    async with create_mcp_http_client(headers=headers) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            tools = await client.list_tools()
            read = [tool for tool in tools.tools if tool.annotations and tool.annotations.read_only_hint]
            answers = {}
            for tool in read:
                arguments = {"key": key} if "key" in tool.input_schema.get("required", []) else {}
                answer = await client.call_tool(tool.name, arguments)
                answers[tool.name] = {"failed": bool(answer.is_error), "data": answer.structured_content}
            resource = await client.read_resource("latchkey://organization")
            found = {
                "version": str(client.protocol_version),
                "tools": [tool.name for tool in tools.tools],
                "answers": answers,
                "organization": json.loads(resource.contents[0].text)["name"],
                "prompts": [prompt.name for prompt in (await client.list_prompts()).prompts],
            }
            print(json.dumps(found))


asyncio.run(main(*sys.argv[1:]))
