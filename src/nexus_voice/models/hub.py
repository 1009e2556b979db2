"""Talks to the model hub through huggingface_hub: what a file is, its bytes from any position, and errors in
plain words.

Downloads are plain HTTP with `Range`. `hf_hub_download` does not do the same: it starts anew after an
interruption, compares no checksum, and may use Xet, whose servers no mirror (`HF_ENDPOINT`) stands in for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from .. import __version__
from .model import File, local
from .source import SourceError

ANSWER_TIMEOUT_S = 15.0
"""How long the hub may take to answer, and to send the next bytes."""
TRANSIENT_STATUSES = {408, 429, 500, 502, 503, 504}
"""HTTP statuses after which another try may succeed."""


class HubError(SourceError):
    code = "hub_unreachable"
    passing = True


class HubRefused(HubError):
    code = "hub_refused"
    passing = False


class HubMissing(HubError):
    code = "hub_missing"
    passing = False


class HubMalformed(HubError):
    code = "hub_malformed"
    passing = False


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the hub as of one commit."""

    repo: str
    path: str
    commit: str
    file: File


class Hub:
    """The hub at `HF_ENDPOINT`, with `HF_TOKEN` or the token that `hf auth login` keeps; both are read
    now."""

    def __init__(self) -> None:
        import huggingface_hub
        from huggingface_hub import constants

        constants.HF_HUB_DISABLE_TELEMETRY = True  # else it asks the public hub, whatever HF_ENDPOINT says
        self._library = huggingface_hub
        self.endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        token = os.environ.get("HF_TOKEN", "").strip() or huggingface_hub.get_token()
        self._token: str | bool = token or False

    def look(self, repo: str, path: str, revision: str) -> Remote:
        """What the hub says of a file, pinned to a commit. Raises `HubError`, `BadInput` for a bad path."""
        name = local(path)
        with self._explained(repo):
            url = self._url(repo, path, revision)
            found = self._library.get_hf_file_metadata(url, token=self._token, timeout=ANSWER_TIMEOUT_S)
        etag, size, commit = found.etag or "", found.size, found.commit_hash or ""
        kind = {64: "sha256", 40: "git"}.get(len(etag) if re.fullmatch("[0-9a-f]+", etag) else 0)
        if kind is None or size is None or size < 0 or not re.fullmatch("[0-9a-f]{40}", commit):
            raise HubMalformed(
                f"{self.endpoint} does not say the checksum of {path} as the hub does. Is HF_ENDPOINT right?"
            )
        return Remote(repo, path, commit, File(name, size, f"{kind}:{etag}"))

    @contextmanager
    def stream(self, remote: Remote, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """(position, bytes from there on). The position is `start`, or 0 if the server cannot begin there.

        Raises `HubError`, also while the bytes are read.
        """
        headers = {"Accept-Encoding": "identity", "User-Agent": f"nexus-voice/{__version__}"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"  # does not follow a redirect to another host
        if start:
            headers["Range"] = f"bytes={start}-"
        url = self._url(remote.repo, remote.path, remote.commit)
        with (
            self._explained(remote.repo),
            self._library.get_session().stream(
                "GET", url, headers=headers, timeout=ANSWER_TIMEOUT_S
            ) as response,
        ):
            if response.status_code >= 400:
                raise self._refusal(response.status_code, remote.repo)
            yield (start if response.status_code == 206 else 0), response.iter_bytes()

    def _url(self, repo: str, path: str, revision: str) -> str:
        return self._library.hf_hub_url(repo, path, revision=revision, endpoint=self.endpoint)

    @contextmanager
    def _explained(self, repo: str) -> Iterator[None]:
        """Turn the library's errors into ours."""
        import httpx2
        from huggingface_hub.errors import FileMetadataError, HfHubHTTPError, OfflineModeIsEnabled

        where = urlsplit(self.endpoint).netloc or self.endpoint
        try:
            yield
        except HfHubHTTPError as error:
            raise self._refusal(error.response.status_code, repo) from error
        except OfflineModeIsEnabled as error:
            raise HubError(
                "Downloads are switched off by HF_HUB_OFFLINE. Unset it to pull models."
            ) from error
        except FileMetadataError as error:
            raise HubMalformed(f"{where} does not answer as the hub does. Is HF_ENDPOINT right?") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise HubError(
                f"The model hub at {where} cannot be reached ({error or type(error).__name__}). Check the "
                "network, or name a mirror in HF_ENDPOINT."
            ) from error

    def _refusal(self, status: int, repo: str) -> HubError:
        where = urlsplit(self.endpoint).netloc or self.endpoint
        if status in (401, 403):
            todo = "Check HF_TOKEN" if self._token else "Put a token of yours into HF_TOKEN"
            return HubRefused(
                f"{where} refuses {repo} (HTTP {status}). It may want its terms accepted on its page, or the "
                f"name is wrong. {todo} and try again."
            )
        if status == 404:
            return HubMissing(f"{where} does not have {repo}, or not that file of it. A mirror may lack it.")
        found = HubError(f"The model hub at {where} answered with HTTP {status}. Try again later.")
        found.passing = status in TRANSIENT_STATUSES
        return found
