"""Real weights: the folders of the models that `make setup` has pulled, for tests of real ears and voices."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from nexus_voice.models.files import installed
from nexus_voice.settings import Settings

MODELS = Path(
    os.environ.setdefault("TEST_MODELS", str(Settings().data_dir.absolute() / "models"))
)  # read before conftest takes the developer's settings away, and kept for further processes of the tests
"""The folder that `make setup` pulls into."""


@cache
def weights(name: str) -> Path:
    """The installed folder of a model, such as "whisper-base". A model that is not there fails the test."""
    for one in installed(MODELS):
        if one.model.name == name:
            return one.folder
    raise AssertionError(f"{name} is not in {MODELS}. Get it with: nexus-voice models pull {name}")


def put_weights(data_dir: Path, *names: str) -> None:
    """Give a server's data folder these models, without copying them."""
    (data_dir / "models").mkdir(parents=True, exist_ok=True)
    for name in names:
        (data_dir / "models" / name).symlink_to(weights(name))
