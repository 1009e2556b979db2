"""`nexus-voice ask`: puts one question to a running server, or to one started for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import orjson
from rich.console import Console

from ..core.audio import Pcm
from ..core.errors import BadInput, NexusError
from ..settings import Settings
from . import nearby
from .collections import ids_of
from .conversation import Question
from .conversation import ask as converse
from .show import display


def recording(path: Path) -> Pcm:
    """Read a sound file. Raises `BadInput` when that fails."""
    from ..audio.files import read_audio  # a typed question does not need NumPy

    try:
        return read_audio(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.", code="no_such_file") from None
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", code=error.code) from None


def writable(path: Path) -> Path:
    """Check that the answer can be saved, before the question is asked. Raises `BadInput`."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise BadInput(f"{path}: cannot be written; its folder must exist.", code="not_writable")
    return path


def ask(
    settings: Settings,
    question: Question,
    *,
    url: str,
    save: Path | None,
    as_json: bool,
    timeout: float,
    collections: Sequence[str] = (),
) -> bool:
    """Print the answer. Returns whether the turn ended well.

    `collections` are the ids or names of those to search; without any, all are searched. Raises
    `NexusError` when there is no answer.
    """
    console, notes = Console(), Console(stderr=True)
    if save:
        writable(save)
    with notes.status("Connecting") as status:
        if not notes.is_terminal:
            status.stop()
        with nearby.server(url, settings, status.update) as server:
            status.stop()
            question = replace(question, collections=ids_of(collections, server))
            with display(console, silent=as_json) as show:
                answer, sound = anyio.run(converse, server, question, show, timeout)
    if save and sound.data:
        from ..audio.files import wav_bytes

        try:
            save.write_bytes(wav_bytes(sound))
        except OSError as error:
            raise NexusError(f"{save}: {error.strerror or error}.", code="not_writable") from None
        answer.saved = str(save)
    if as_json:
        sys.stdout.write(orjson.dumps(answer.as_dict(), option=orjson.OPT_INDENT_2).decode() + "\n")
    elif answer.saved:
        console.print(f"Saved {sound.seconds:.1f} s of speech as {save}", highlight=False, markup=False)
    elif save:
        notes.print("There was no sound to save.", highlight=False)
    return answer.outcome == "done"
