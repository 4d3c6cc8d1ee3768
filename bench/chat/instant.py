"""An upstream that answers at once, for whatever stands before it: what is measured is the way there.

`python -m bench.chat.instant --port 8001 --uds /tmp/x.sock` speaks just enough HTTP/1.1, and as the engine of the
gateway it takes every adapter.
"""

import argparse
import asyncio
import json
import re

USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "instant",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "All of this was said before anybody asked."},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
RESPONSE = HEAD % len(ANSWER) + ANSWER
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Instant(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pending = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._pending, 0, end + 2)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._pending) < whole:
                return
            self._pending = self._pending[whole:]
            self._transport.write(RESPONSE)


async def serve(port: int, uds: str) -> None:
    """Answer on both until the process is ended."""
    loop = asyncio.get_running_loop()
    await loop.create_unix_server(Instant, uds)
    server = await loop.create_server(Instant, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--uds", required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.uds))
