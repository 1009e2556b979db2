"""Documents in an S3 bucket, or on another server with the same protocol (AWS_ENDPOINT_URL)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from ...core.errors import BadInput, NexusError
from .source import Entry, Listing, identity, unreadable

INSTALL = "S3 needs boto3: pip install 'nexus-voice[s3]'."
MAX_ATTEMPTS = 8
"""Attempts for each request. boto3 waits longer before each next one."""
MAX_BYTES_IN_MEMORY = 1_000_000
"""Larger objects are written to a temporary file."""
MESSAGES = {
    "NoSuchBucket": "there is no such bucket.",
    "NoSuchKey": "is gone.",
    "404": "is gone.",
    "AccessDenied": "these credentials may not read it (they need s3:ListBucket and s3:GetObject).",
    "403": "these credentials may not read it (they need s3:ListBucket and s3:GetObject).",
    "InvalidAccessKeyId": "the access key is not known there. Check AWS_ACCESS_KEY_ID.",
    "SignatureDoesNotMatch": "the secret key is wrong. Check AWS_SECRET_ACCESS_KEY.",
    "ExpiredToken": "the credentials have expired. Sign in again.",
    "InvalidObjectState": "is archived. Restore it first.",
    "SlowDown": "is asked too often. Try again later.",
}
"""Maps an error code of S3 to what we say about it."""


class Bucket:
    """All objects below `s3://bucket` or `s3://bucket/prefix`, or the object of that name.

    Credentials, region and endpoint are found as the AWS tools find them.
    """

    mirrored = True

    def __init__(self, url: str, limit: int, *, page: int = 1_000) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise BadInput(f"{url} names no bucket. Write s3://bucket/folder.", code="bad_url")
        self._bucket, self._prefix = bucket, prefix.rstrip("/")
        self._limit, self._page = limit, page
        self.id = identity(f"s3://{bucket}/{self._prefix}".rstrip("/"))
        self.label = f"{self.id}/"
        self._client = client()

    def listing(self) -> Listing:
        found = Listing(self._limit)
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, PaginationConfig={"PageSize": self._page}
        )
        with explained(self.id):
            for page in pages:
                for one in page.get("Contents", ()):
                    self._add(found, one)
        return found

    @contextmanager
    def open(self, entry: Entry) -> Iterator[BinaryIO]:
        from boto3.s3.transfer import TransferConfig

        with tempfile.SpooledTemporaryFile(MAX_BYTES_IN_MEMORY) as file:
            try:
                with explained():
                    alone = TransferConfig(use_threads=False)
                    self._client.download_fileobj(self._bucket, entry.key, file, Config=alone)
            except NexusError as error:
                raise unreadable(error.message) from None
            file.seek(0)
            yield file  # type: ignore[misc]  # it has every method of BinaryIO

    def _add(self, found: Listing, one: dict[str, Any]) -> None:
        key: str = one["Key"]
        below = f"{self._prefix}/" if self._prefix else ""
        if key == self._prefix:
            name = key.rpartition("/")[2]
        elif key.startswith(below) and not key.endswith("/"):  # a key that ends in a slash is an empty folder
            name = key.removeprefix(below)
        else:
            return
        if found.readable(name):
            found.add(key, name, one["Size"], one["ETag"].strip('"'))


def client() -> Any:
    """A client of S3. Raises `BadInput` when boto3 is not installed."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise BadInput(INSTALL, code="engine_not_installed") from None
    retries = {"mode": "standard", "total_max_attempts": MAX_ATTEMPTS}
    with explained():
        return boto3.Session().client(
            "s3", config=Config(retries=retries, connect_timeout=10, read_timeout=30)
        )


@contextmanager
def explained(what: str = "") -> Iterator[None]:
    """Turn boto3's errors into `NexusError`s in plain words that begin with `what`."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    before = f"{what}: " if what else ""
    try:
        yield
    except NoCredentialsError:
        raise BadInput(
            f"{before}there are no AWS credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE.",
            code="s3_credentials",
        ) from None
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        why = MESSAGES.get(code) or f"S3 says {code}: {error.response.get('Error', {}).get('Message', '')}"
        raise NexusError(f"{before}{why}", code="s3_refused", status=502) from None
    except (BotoCoreError, Boto3Error) as error:
        raise NexusError(f"{before}{error}", code="s3_unreachable", status=502) from None
