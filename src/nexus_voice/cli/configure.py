"""Reads the settings of a command, and explains mistakes in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..core.errors import BadInput

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from ..settings import Settings

PREFIX = "NEXUS_"


class BadSettings(BadInput):
    code = "bad_settings"


def settings(**flags: Any) -> Settings:
    """Read the settings from flags (section -> field -> value), the environment and `.env`, in this order of
    precedence. Raises `BadSettings`."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from ..settings import Settings

    try:
        found = Settings(**flags)
    except ValidationError as error:
        raise BadSettings("\n".join(mistakes(error, flags))) from None
    except SettingsError as error:
        raise BadSettings(not_json(error)) from None
    return found


def variable(*path: str | int) -> str:
    """The name of a setting's environment variable."""
    return PREFIX + "__".join(str(part) for part in path).upper()


def variables(model: type[BaseModel] | None = None, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every setting as (variable, pydantic field), in the order of their definition."""
    from pydantic import BaseModel

    from ..settings import Settings

    for name, field in (model or Settings).model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from variables(kind, (*above, name))
        else:
            yield variable(*above, name), field


def mistakes(error: ValidationError, flags: dict[str, Any] | None = None) -> list[str]:
    """One line for each mistake: the variable or flag, what is wrong, and what would be right."""
    known = [name for name, _ in variables()]
    lines = []
    for one in error.errors(include_url=False):
        path = [part for part in one["loc"] if isinstance(part, str)]
        name = variable(*path) if path[0].islower() else path[0]
        if len(path) == 2 and path[1] in ((flags or {}).get(path[0]) or {}):
            name = f"--{path[1].replace('_', '-')}"
        if one["type"] == "extra_forbidden":
            near = get_close_matches(name, known, 1, 0.6)
            hint = f" Did you mean {near[0]}?" if near else " See docs/configuration.md."
            lines.append(f"{name}: there is no such setting.{hint}")
        else:
            secret = "key" in path[-1] or "database" in path[-1].lower()
            given = "" if secret else f" (it is {str(one['input'])[:60]!r})"
            lines.append(f"{name}: {one['msg'][0].lower()}{one['msg'][1:]}{given}.")
    return lines


def not_json(error: Exception) -> str:
    """The message for a value that is not JSON, with the name of its variable, which pydantic leaves out."""
    known = dict(variables())
    for name, value in sorted(os.environ.items()):
        if (field := known.get(name.upper())) is not None and "list" in str(field.annotation):
            return f'{name}: must be a JSON list, such as ["https://example.org"] (it is {value[:60]!r}).'
    return f"A setting cannot be read: {error}. Lists are JSON; see docs/configuration.md."


def misspelt(environment: dict[str, str]) -> list[str]:
    """One line for each `NEXUS_` variable that is not a setting and would silently be ignored."""
    known = [name for name, _ in variables()]
    sections = {name.split("__")[0] for name in known}
    lines = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name.upper() not in known and name.upper() not in sections:
            near = get_close_matches(name.upper(), known, 1, 0.6)
            lines.append(f"{name}: there is no such setting." + (f" Did you mean {near[0]}?" if near else ""))
    return lines
