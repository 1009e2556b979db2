"""What Google's speech recognition and synthesis have in common."""

from __future__ import annotations

from ..http.client import RemoteHttp


def connection(what: str, api_key: str, base_url: str) -> RemoteHttp:
    """The key goes into a header: addresses are logged."""
    api_key = api_key.strip()
    headers = {"X-Goog-Api-Key": api_key}
    return RemoteHttp(what, base_url, headers, setting="GOOGLE_API_KEY", secret=api_key)
