"""The knowledge base of a server, over HTTP; a server that is away for a while is waited for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

import httpx

from ...core.errors import BadInput, NexusError
from ..collections import id_of
from .source import Entry

ANSWER = 60.0
"""Seconds that an answer may take: a batch of documents is written to the server's disk before it."""
PATIENCE = 60.0
"""Seconds that a server may be away."""
PASSING = {429, 502, 503, 504}
"""Statuses of a server that is busy or about to start."""
LASTING = {"knowledge_off"}
"""Codes of errors that no waiting cures, whatever their status."""
PAGE = 1_000
"""Documents listed at a time."""

Job = dict[str, Any]


class Unsendable(BadInput):
    """Too large for the server, or changed on the way."""

    code = "unsendable"


@dataclass(frozen=True, slots=True)
class Known:
    """A document that the knowledge base has."""

    id: str
    fingerprint: str


class Server:
    """Enter before use. `waiting` is told why it has to wait; `patience` is in seconds."""

    def __init__(
        self, url: str, waiting: Callable[[str], None], *, local: bool, patience: float = PATIENCE
    ) -> None:
        self._url, self._waiting, self.patience = url, waiting, patience
        self._http = httpx.Client(
            base_url=f"{url}/rag/", timeout=httpx.Timeout(ANSWER, connect=5), trust_env=not local
        )

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def collection(self, name: str) -> str:
        """The id of the collection that has this id or name; it is made if there is none."""
        known = id_of(name, self._ask("GET", "collections")["collections"])
        return known or str(self._ask("POST", "collections", json={"name": name})["id"])

    def documents(self, collection: str, source: str) -> dict[str, Known]:
        """What it has of a source, by name."""
        found: dict[str, Known] = {}
        query: dict[str, Any] = {"collection": collection, "source": source, "limit": PAGE}
        while True:
            page = self._ask("GET", "documents", params=query)
            found |= {one["name"]: Known(one["id"], one["fingerprint"]) for one in page["documents"]}
            if not page.get("next"):
                return found
            query["after"] = page["next"]

    def send(self, collection: str, source: str, files: Sequence[tuple[Entry, BinaryIO]]) -> Job:
        """A job for these files, read as they are sent. Raises `Unsendable`."""

        def form() -> dict[str, Any]:
            for _, file in files:
                file.seek(0)
            fingerprints = json.dumps([entry.fingerprint for entry, _ in files])
            return {
                "data": {"collection": collection, "source": source, "fingerprints": fingerprints},
                "files": [("files", (entry.name, file)) for entry, file in files],
            }

        return self._ask("POST", "ingest", form)

    def send_urls(self, collection: str, urls: Sequence[str]) -> Job:
        """A job for pages that the server fetches itself."""
        return self._ask("POST", "ingest", json={"collection": collection, "urls": list(urls)})

    def job(self, id: str) -> Job:
        return self._ask("GET", f"jobs/{id}")

    def cancel(self, id: str) -> None:
        self._ask("DELETE", f"jobs/{id}")

    def delete(self, id: str) -> None:
        try:
            self._ask("DELETE", f"documents/{id}")
        except NexusError as error:
            if error.status != 404:  # gone already
                raise

    def _ask(
        self, method: str, path: str, form: Callable[[], dict[str, Any]] = dict, **request: Any
    ) -> dict[str, Any]:
        """The JSON of a good answer; `form` is called for each attempt."""
        give_up, pause = time.monotonic() + self.patience, 0.5
        while True:
            try:
                response = self._http.request(method, path, **form(), **request)
            except httpx.LocalProtocolError:  # its length is no longer what it was
                raise Unsendable("changes while it is read. Try again later.") from None
            except httpx.TransportError as error:
                why, after = f"does not answer ({error})", 0.0
            except OSError as error:  # of a file that is being sent
                raise Unsendable(f"cannot be read: {error.strerror or error}.") from None
            else:
                if response.is_success:
                    return self._decoded(response)
                problem = refusal(response)
                if response.status_code not in PASSING or problem.code in LASTING:
                    raise problem
                why, after = problem.message, seconds(response.headers.get("retry-after", ""))
            pause = max(pause, after)
            if time.monotonic() + pause > give_up:
                raise NexusError(f"The server at {self._url}: {why}", code="no_server", status=503)
            self._waiting(why)
            time.sleep(pause)
            pause = min(2 * pause, 30.0)

    def _decoded(self, response: httpx.Response) -> dict[str, Any]:
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise NexusError(f"{self._url} is no Nexus Voice, or an older one.", code="bad_server")
        return body


def refusal(response: httpx.Response) -> NexusError:
    """The error that a response says."""
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, TypeError, LookupError):
        code, message = "bad_server", f"It answers with HTTP {response.status_code}."
    kind = Unsendable if response.status_code == 413 else NexusError
    return kind(message, code=code, status=response.status_code)


def seconds(retry_after: str) -> float:
    return min(float(retry_after), 60.0) if retry_after.isdecimal() else 0.0
