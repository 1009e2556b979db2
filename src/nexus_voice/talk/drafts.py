"""What became of the answers that were begun before their question was certain, on the whole server."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyio import CancelScope

from ..ports import HasPlaces


@dataclass(slots=True)
class Drafts:
    """Counts the speculations of all conversations, and has them give way to answers that are waited for."""

    started: int = 0
    used: int = 0
    discarded: int = 0
    prompt_tokens: int = 0
    """Estimated tokens of the prompts of those that were discarded."""
    completion_tokens: int = 0
    """Tokens that the models had written for them, counted by the pieces that came."""
    _unwanted: dict[CancelScope, None] = field(default_factory=dict)
    """Scopes of those that nobody has asked for yet, oldest first."""

    def begin(self, scope: CancelScope) -> None:
        self.started += 1
        self._unwanted[scope] = None

    def want(self, scope: CancelScope) -> None:
        """From now on somebody waits for this one, and it gives way no more."""
        if scope in self._unwanted:
            del self._unwanted[scope]
            self.used += 1

    def end(self, scope: CancelScope, prompt_tokens: int, completion_tokens: int) -> None:
        if scope in self._unwanted:
            del self._unwanted[scope]
            self.discarded += 1
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens

    def give_way(self, engine: object) -> None:
        """Cancel the oldest speculation if `engine` has no free place for a call that somebody waits for."""
        if self._unwanted and not has_room(engine):
            oldest = next(iter(self._unwanted))
            oldest.cancel()


def has_room(engine: object) -> bool:
    """Whether a call to `engine` would be served at once."""
    return not isinstance(engine, HasPlaces) or engine.free_places > 0
