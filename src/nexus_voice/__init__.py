"""Nexus Voice: a voice assistant you run yourself."""

import os

# ONNX Runtime would report its use to its makers. This stands before every import of it, in every process.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
