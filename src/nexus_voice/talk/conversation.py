"""One client's conversation while it is connected: what its parts share."""

from __future__ import annotations

from anyio.abc import TaskGroup

from ..core.chat import Exchange
from ..ports import Overlap, Sender
from .client_line import ClientLine
from .floor import Floor
from .listening.events import Final
from .session import Session
from .speculation import Speculation

MAX_PAUSE_S, MAX_HEARD_WORDS = 1.2, 1
"""Who goes on so soon after speaking has not begun a new question, unless more than a word of the answer was
heard: nobody reacts to one word before it is over."""


class Conversation:
    """The line to a client, its session, who has the floor, and what is answered ahead.

    `tasks` runs what outlives a turn. `overlap` hears both sides; a conversation that is only typed has none.
    """

    def __init__(
        self, wire: Sender, session: Session, tasks: TaskGroup, overlap: Overlap | None = None
    ) -> None:
        self.session, self.tasks, self.overlap = session, tasks, overlap
        self.line = ClientLine(wire)
        self.floor = Floor(session, self.line, tasks)
        self.speculation = Speculation(session, tasks, self.floor)
        self._asked: Exchange | None = None
        self._asked_at = 0.0

    def asked(self, final: Final) -> Exchange:
        """The question in `final`, for the next turn.

        Where the turn before was cut off because its speaker had only paused, the words of that turn are
        the beginning of the question, and it is forgotten.
        """
        exchange, exchanges = Exchange(final.text, language=final.language), self.session.chat.exchanges
        if (
            exchanges
            and exchanges[-1] is self._asked
            and self._asked.outcome == "interrupted"
            and final.began - self._asked_at <= MAX_PAUSE_S
            and len(self._asked.heard.split()) <= MAX_HEARD_WORDS
        ):
            exchange.user = f"{exchanges.pop().user} {final.text}"
        self._asked, self._asked_at = exchange, final.ended
        return exchange
