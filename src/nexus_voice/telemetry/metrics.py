"""Metrics for Prometheus. They follow the conversation's events; nothing in the conversation knows of them.

Every label has a small, fixed set of values: ports, outcomes, stages, engines from the settings.
"""

from __future__ import annotations

from dataclasses import asdict

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector

from ..core import events
from ..knowledge.ingest.job import Figures

STAGE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.5, 5.0, 10.0)
REQUEST_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0, 60.0)

HELD = {
    "documents": "Documents in the knowledge base.",
    "passages": "Passages that they were cut into.",
    "documents_waiting": "Documents that wait to be taken in, or are being taken in.",
}


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._turns = Counter(
            "nexus_turns", "Turns that have ended, by outcome.", ["outcome"], registry=registry
        )
        self._stages = Histogram(
            "nexus_turn_stage_seconds",
            "Seconds from the end of speech, or from the typed text, to each stage of its turn.",
            ["stage"],
            registry=registry,
            buckets=STAGE_SECONDS,
        )
        self._requests = Counter(
            "nexus_model_requests",
            "Requests to the models, by port and outcome "
            "(ok, error, bad_input, refused: the queue was full, cancelled: the client left).",
            ["port", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "nexus_model_request_seconds",
            "Seconds that served requests to the models took, with their wait in the queue.",
            ["port"],
            registry=registry,
            buckets=REQUEST_SECONDS,
        )
        self._taken_in = Counter(
            "nexus_documents_taken_in",
            "Documents whose taking in has ended, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self._held = {name: Gauge(f"nexus_{name}", text, registry=registry) for name, text in HELD.items()}
        for outcome in ("done", "interrupted", "failed"):
            self._turns.labels(outcome)
        for outcome in ("added", "updated", "unchanged", "failed"):
            self._taken_in.labels(outcome)

    def note(self, event: object) -> None:
        """Count and time an event that is being sent to a client."""
        match event:
            case events.Ended(turn=turn, outcome=outcome) if turn:
                self._turns.labels(outcome).inc()
            case events.Metrics(clocks=clocks):
                for stage, milliseconds in clocks.items():
                    self._stages.labels(stage).observe(milliseconds / 1e3)

    def served(self, port: str, outcome: str, seconds: float) -> None:
        """Count a request to a model that is over."""
        self._requests.labels(port, outcome).inc()
        if outcome == "ok":
            self._seconds.labels(port).observe(seconds)

    def taken_in(self, outcome: str) -> None:
        """Count a document that was added, updated, found unchanged, or failed."""
        self._taken_in.labels(outcome).inc()

    def held(self, figures: Figures) -> None:
        """Set what the knowledge base holds now."""
        for name, value in asdict(figures).items():
            self._held[name].set(value)

    def add(self, collector: Collector) -> None:
        """Add metrics that are read when somebody asks."""
        self._registry.register(collector)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
