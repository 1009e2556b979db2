"""Checks of the machine, of the installation and of what is configured, without any engine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ...settings import Settings
from .. import nearby
from ..configure import misspelt
from .check import Check

MIN_FREE_DISK_BYTES = 500_000_000
SUPPORTED_PYTHONS = ((3, 11), (3, 13))
"""Python versions for which every package has a wheel."""
EXTRAS = {
    "boto3": "s3",
    "psycopg": "postgres",
    "webrtcvad": "webrtcvad",
    "xllamacpp": "local",
    "TTS": "xtts",
}
"""Maps a module to the optional extra that installs it."""
IMPORTANT_PACKAGES = ("onnxruntime", "pocketsphinx", "faiss-cpu", "fastapi", "uvicorn")


def python(_: Settings) -> Check:
    found = f"Python {sys.version.split()[0]}, nexus-voice {version('nexus-voice')}"
    if sys.version_info[:2] in SUPPORTED_PYTHONS:
        return Check("Python", "works", found)
    return Check("Python", "note", found, "Use Python 3.11 or 3.13: the recogniser has no wheel for others.")


def settings_given(_: Settings) -> Check:
    """Count the settings in the environment, and find `NEXUS_` variables that are not a setting."""
    wrong = misspelt(dict(os.environ))
    if wrong:
        return Check("Settings", "note", " ".join(wrong), "See docs/configuration.md.")
    given = sum(name.startswith("NEXUS_") for name in os.environ)
    return Check("Settings", "works", f"{given} from the environment" if given else "the defaults, or .env")


def data_folder(settings: Settings) -> Check:
    folder = existing(settings.data_dir)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        todo = "Make it writable, or choose another with NEXUS_DATA_DIR."
        return Check("Data folder", "fails", f"{settings.data_dir.absolute()}: {error.strerror}", todo)
    return Check("Data folder", "works", f"{settings.data_dir.absolute()} can be written")


def disk(settings: Settings) -> Check:
    free = shutil.disk_usage(existing(settings.data_dir)).free
    found = f"{free / 1e9:.1f} GB free"
    return (
        Check("Disk", "works", found)
        if free >= MIN_FREE_DISK_BYTES
        else Check("Disk", "note", found, "Make room.")
    )


def existing(folder: Path) -> Path:
    """The folder, or the nearest parent of it that exists."""
    folder = folder.absolute()
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def server_port(settings: Settings) -> Check:
    host, number = settings.server.host, settings.server.port
    url = nearby.address(host, number)
    if number and nearby.answers(nearby.Address.of(url)):
        return Check("Server", "works", f"runs at {url}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, number), family=family):
            return Check("Server", "works", f"not running; port {number} is free")
    except OSError as error:
        todo = "Stop what uses it, or choose another with NEXUS_SERVER__PORT."
        return Check("Server", "fails", f"cannot listen on {host}, port {number}: {error.strerror}", todo)


def gpu(_: Settings) -> Check:
    """Ask `nvidia-smi`."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Check("GPU", "works", "none, or no driver: everything runs on the processor")
    query = [tool, "--query-gpu=name,memory.total,memory.free,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return Check("GPU", "note", f"nvidia-smi fails: {error}", "Install or update the NVIDIA driver.")
    return Check("GPU", "works", "; ".join(done.stdout.strip().splitlines()) or "none is listed")


def microphone(settings: Settings) -> Check:
    """Whether browsers will give the page the microphone, which they do on secure pages only."""
    host = settings.server.host
    if host in nearby.LOCAL_HOSTS:
        return Check("Microphone", "works", "browsers allow it on this machine; say yes when they ask")
    return Check(
        "Microphone",
        "note",
        f"browsers refuse it on http://{host}",
        "Put HTTPS in front, or open the page on the server itself as http://127.0.0.1.",
    )


def packages(_: Settings) -> Check:
    missing = sorted({extra for module, extra in EXTRAS.items() if not find_spec(module)})
    have = sorted(set(EXTRAS.values()) - set(missing))
    found = f"{', '.join(map(_versioned, IMPORTANT_PACKAGES))}; extras: {', '.join(have) or 'none'}"
    return Check("Packages", "works", found, f"Optional: {', '.join(missing)}." if missing else "")


def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} missing"
