"""One client's conversation while it is connected: what its parts share."""

from __future__ import annotations

from anyio.abc import TaskGroup

from ..ports import Overlap, Sender
from .client_line import ClientLine
from .floor import Floor
from .session import Session
from .speculation import Speculation


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
