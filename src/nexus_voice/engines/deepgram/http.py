"""What Deepgram's speech recognition and synthesis have in common."""

from __future__ import annotations

from ..http.client import RemoteHttp

URL = "https://api.deepgram.com"
"""Or another region's, or one's own installation."""


def connection(what: str, api_key: str, base_url: str) -> RemoteHttp:
    api_key = api_key.strip()
    headers = {"Authorization": f"Token {api_key}"}
    return RemoteHttp(what, base_url, headers, setting="DEEPGRAM_API_KEY", secret=api_key)


async def check(http: RemoteHttp, within: float) -> None:
    """Whether Deepgram answers and takes the key; costs nothing."""
    await http.ask("GET", "v1/auth/token", within)
