"""`GET /metrics` for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .. import __version__
from .services import Services, Shared

router = APIRouter(tags=["health"])

log = structlog.get_logger()

Values = Mapping[Any, float]
"""By the labels' values."""
BREAKER_STATES = ("closed", "half-open", "open")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(services: Shared) -> Response:
    """Everything that is counted and timed, in Prometheus' text format. See docs/services.md."""
    if services.ingestion:
        try:
            services.metrics.held(await services.ingestion.figures())
        except Exception as error:  # the other figures are wanted all the same
            log.error("the knowledge base could not be counted", exc_info=error)
    return Response(services.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})


class Live(Collector):
    """The figures that are read from the server's parts when somebody asks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        about = {(__version__, self._services.role.value): 1}
        yield gauge("nexus_info", "1, with the version and role.", ["version", "role"], about)
        yield from self._load()
        yield from self._speculations()
        yield from self._engines()

    def _load(self) -> Iterator[Metric]:
        admission, queues = self._services.admission, self._services.queues.values()
        lags = {(f"{share:g}",): admission.lag_at(share) for share in (0.5, 0.99)}
        yield gauge("nexus_ready", "Whether every part is ready.", [], {(): self._services.ready})
        yield gauge("nexus_voice_sessions", "Voice sessions under way.", [], {(): admission.active})
        refused = {(): admission.refused}
        yield counter("nexus_voice_sessions_refused", "Voice sessions that found no room.", [], refused)
        requests = self._services.requests
        held = {(): requests.places.used}
        yield gauge("nexus_requests_active", "Requests in progress, weighed by their cost.", [], held)
        text = "Requests refused before they were read: busy, or more than the rate of their address."
        turned_away = {(reason,): count for reason, count in requests.refused.items()}
        yield counter("nexus_requests_refused", text, ["reason"], turned_away)
        text = "How late the event loop ran in the last 30 seconds: median and 99th percentile."
        yield gauge("nexus_event_loop_lag_seconds", text, ["quantile"], lags)
        active = {(queue.port,): queue.active for queue in queues}
        yield gauge("nexus_model_requests_active", "Requests that a model is serving.", ["port"], active)
        waiting = {(queue.port,): queue.waiting for queue in queues}
        yield gauge("nexus_model_requests_waiting", "Requests in a model's queue.", ["port"], waiting)

    def _speculations(self) -> Iterator[Metric]:
        drafts = self._services.engines.drafts
        text = (
            "Answers that were begun at a pause, before their question was certain, and what became of them."
        )
        answers = {(event,): getattr(drafts, event) for event in ("started", "used", "discarded")}
        yield counter("nexus_speculations", text, ["event"], answers)
        text = "Tokens of the discarded ones, estimated."
        tokens = {("prompt",): drafts.prompt_tokens, ("completion",): drafts.completion_tokens}
        yield counter("nexus_speculation_tokens_discarded", text, ["kind"], tokens)

    def _engines(self) -> Iterator[Metric]:
        status = {
            (port, engine["name"]): engine
            for port, engines in self._services.supply.status().items()
            for engine in reversed(engines)  # of two with the same name the better one counts
        }
        ready = {key: engine["state"] == "ready" for key, engine in status.items()}
        yield gauge("nexus_engine_ready", "Whether the engine is loaded.", ["port", "engine"], ready)
        breakers = {
            (*key, state): engine["breaker"] == state
            for key, engine in status.items()
            if "breaker" in engine
            for state in BREAKER_STATES
        }
        text = "1 for the state of the engine's circuit breaker; open: it rests after failures."
        yield gauge("nexus_engine_breaker", text, ["port", "engine", "state"], breakers)
        text = "Calls that went on to the next engine because this one failed."
        switches = {key: engine.get("switches", 0) for key, engine in status.items()}
        yield counter("nexus_engine_switches", text, ["port", "engine"], switches)
        text = "Tokens of prompts and answers, as the engine's provider counts."
        tokens = {
            (*key, kind): count
            for key, engine in status.items()
            for kind, count in engine.get("usage", {}).items()
        }
        yield counter("nexus_engine_tokens", text, ["port", "engine", "kind"], tokens)


def gauge(name: str, text: str, labels: list[str], values: Values) -> Metric:
    return filled(GaugeMetricFamily(name, text, labels=labels), values)


def counter(name: str, text: str, labels: list[str], values: Values) -> Metric:
    return filled(CounterMetricFamily(name, text, labels=labels), values)


def filled(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family
