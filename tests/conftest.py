"""Puts this folder on the path, so that tests share `clips`; and keeps a developer's keys out of tests."""

from __future__ import annotations

import os

OURS = ("_API_KEY", "DATABASE_URL")

for name in [name for name in os.environ if name.startswith("NEXUS_") or name.endswith(OURS)]:
    del os.environ[name]
