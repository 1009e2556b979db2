"""What the sections of the settings have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, le=3600)]


class Section(BaseModel):
    """A group of settings. A name that it does not have is an error."""

    model_config = ConfigDict(extra="forbid")
