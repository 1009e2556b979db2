"""`/v1/models`, and what a model's name selects."""

from __future__ import annotations

import time

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ...engines.chain.fallback import Fallback, Link
from ..services import Services, Shared
from .errors import Invalid

router = APIRouter(prefix="/v1", tags=["openai"])

SINCE = int(time.time())
PORTS = ("llm", "stt", "tts", "embedder")
"""Ports with routes below /v1. Language models come first, because many clients take the first model."""


class Model(BaseModel):
    id: str = Field(examples=["llamacpp:qwen2.5-1.5b-instruct"])
    object: str = "model"
    created: int = Field(SINCE, description="Unix time; when this server began.")
    owned_by: str = "nexus-voice"


class Models(BaseModel):
    object: str = "list"
    data: list[Model]


def listed(services: Services) -> list[Model]:
    """The engines that are ready, each port's best first."""
    chains = [services.supply.chains[port] for port in PORTS if port in services.queues]
    names = dict.fromkeys(link.engine.name for chain in chains for link in chain.links)
    return [Model(id=name) for name in names]


def selected(chain: Fallback, name: str) -> Fallback:
    """The engine of this name alone. Any other name means the best one, with the others behind it."""
    links = [link for link in chain.links[1:] if link.engine.name == name]
    return alone(chain, links[0]) if links and chain.name != name else chain


def alone(chain: Fallback, link: Link) -> Fallback:
    """One of the chain's engines, with no other behind it."""
    one = Fallback(policy=chain.policy, skill=chain.skill)
    one.links.append(link)
    return one


@router.get("/models")
async def models(services: Shared) -> Models:
    """The engines that this server uses."""
    return Models(data=listed(services))


@router.get("/models/{id:path}")
async def model(id: str, services: Shared) -> Model:
    """One engine."""
    for one in listed(services):
        if one.id == id:
            return one
    raise Invalid(f"There is no model {id!r} here.", "model", code="model_not_found", status=404)
