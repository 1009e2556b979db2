"""A real S3 server on 127.0.0.1."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a server with an empty bucket "documents"; the environment tells of the server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    account = {"ACCESS_KEY_ID": "someone", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}
    for name, value in (account | {"ENDPOINT_URL": f"http://{host}:{port}"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = boto3.Session().client("s3")
    client.create_bucket(Bucket="documents")
    yield client
    client.close()
    server.stop()
    get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].reset()  # it outlives the server
