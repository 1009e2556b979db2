from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the converted embedding model is kept; shared, because converting takes seconds."""
    return tmp_path_factory.mktemp("models")
