"""Client of a server's knowledge base. It waits for a server that is away for a while."""

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

RESPONSE_TIMEOUT_S = 60.0
"""How long an answer may take. The server writes a batch of documents to its disk before it answers."""
OUTAGE_TIMEOUT_S = 60.0
"""How long a server may be unavailable."""
RETRYABLE_STATUSES = {429, 502, 503, 504}
"""Statuses of a server that is busy or still starting."""
PERMANENT_ERRORS = {"knowledge_off"}
"""Error codes that are never retried, whatever their status."""
DOCUMENTS_PER_PAGE = 1_000
"""Documents in one page of the list."""

Job = dict[str, Any]


class Unsendable(BadInput):
    """The document is too large for the server, or changed while it was sent."""

    code = "unsendable"


@dataclass(frozen=True, slots=True)
class Known:
    """A document that is in the knowledge base."""

    id: str
    fingerprint: str


class Server:
    """Use it as a context manager. `waiting` is called with the reason before each retry; `patience` is how
    many seconds the server may be unavailable."""

    def __init__(
        self, url: str, waiting: Callable[[str], None], *, local: bool, patience: float = OUTAGE_TIMEOUT_S
    ) -> None:
        self._url, self._waiting, self.patience = url, waiting, patience
        self._http = httpx.Client(
            base_url=f"{url}/rag/", timeout=httpx.Timeout(RESPONSE_TIMEOUT_S, connect=5), trust_env=not local
        )

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def collection(self, name: str) -> str:
        """The id of the collection with this id or name, which is created if there is none."""
        known = id_of(name, self._ask("GET", "collections")["collections"])
        return known or str(self._ask("POST", "collections", json={"name": name})["id"])

    def documents(self, collection: str, source: str) -> dict[str, Known]:
        """The documents of a source that are in the knowledge base, by name. Attachments of others are not
        the source's."""
        found: dict[str, Known] = {}
        query: dict[str, Any] = {"collection": collection, "source": source, "limit": DOCUMENTS_PER_PAGE}
        while True:
            page = self._ask("GET", "documents", params=query)
            own = (one for one in page["documents"] if not one.get("part_of"))
            found |= {one["name"]: Known(one["id"], one["fingerprint"]) for one in own}
            if not page.get("next"):
                return found
            query["after"] = page["next"]

    def send(self, collection: str, source: str, files: Sequence[tuple[Entry, BinaryIO]]) -> Job:
        """Upload files, which are read while they are sent, and return the job. Raises `Unsendable`."""

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
        """Ask the server to fetch pages, and return the job."""
        return self._ask("POST", "ingest", json={"collection": collection, "urls": list(urls)})

    def refresh(self) -> list[str]:
        """Ask the server to read again what an older version of its reader has read; the ids of the jobs."""
        return [job["id"] for job in self._ask("POST", "refresh")["jobs"]]

    def job(self, id: str) -> Job:
        return self._ask("GET", f"jobs/{id}")

    def cancel(self, id: str) -> None:
        self._ask("DELETE", f"jobs/{id}")

    def delete(self, id: str) -> None:
        try:
            self._ask("DELETE", f"documents/{id}")
        except NexusError as error:
            if error.status != 404:  # already deleted
                raise

    def _ask(
        self, method: str, path: str, form: Callable[[], dict[str, Any]] = dict, **request: Any
    ) -> dict[str, Any]:
        """Send a request, with retries, and return the answer's JSON. `form` is called for each attempt."""
        give_up, pause = time.monotonic() + self.patience, 0.5
        while True:
            try:
                response = self._http.request(method, path, **form(), **request)
            except httpx.LocalProtocolError:  # the file's length has changed
                raise Unsendable("changes while it is read. Try again later.") from None
            except httpx.TransportError as error:
                why, after = f"does not answer ({error})", 0.0
            except OSError as error:  # from a file that is being sent
                raise Unsendable(f"cannot be read: {error.strerror or error}.") from None
            else:
                if response.is_success:
                    return self._decoded(response)
                problem = refusal(response)
                if response.status_code not in RETRYABLE_STATUSES or problem.code in PERMANENT_ERRORS:
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
    """The error that a response reports."""
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, TypeError, LookupError):
        code, message = "bad_server", f"It answers with HTTP {response.status_code}."
    kind = Unsendable if response.status_code == 413 else NexusError
    return kind(message, code=code, status=response.status_code)


def seconds(retry_after: str) -> float:
    return min(float(retry_after), 60.0) if retry_after.isdecimal() else 0.0
