"""The turn: hear, answer, fall silent when spoken over. Read this file first.

On the wire a turn is `onset partial* final -> sources? delta* sentence* audio* tool* -> ended`; a barge-in is
`duck pause flush ended(interrupted)`; what only sounded like one is `duck pause resume`. Everything a reply
does hangs in one scope, so that cancelling it unwinds model, tools and voice together; whatever happens, what
was heard is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ..core import events
from ..core.chat import Exchange, Outcome, ToolCall, ToolStep
from ..ports import Sender, Wire
from ..text.citations.citations import Statement
from ..text.spoken.speakable import speakable
from .answer import Delta, Sources
from .clocks import Clocks
from .conversation import Conversation
from .draft import Draft
from .failures import describe
from .listening.ear import Ear
from .listening.events import (
    Aside,
    Claimed,
    Dismissed,
    FalseOnset,
    Final,
    Heard,
    Hush,
    Onset,
    Partial,
    Sustained,
    Typed,
    Unheard,
)
from .playout import Playout
from .session import Session
from .streams import closing
from .tools import run

FINAL_REPORT_TIMEOUT_S = 0.25
"""How long a client that was told to be silent has to say how much it had played."""
COMMIT_TIMEOUT_S = 1.0
"""How long remembering a reply may take, whatever else is being cancelled."""
MAX_WAITING_STATEMENTS = 64
"""Statements that the model may be ahead of the voice."""


async def converse(wire: Wire, session: Session, rate: int) -> None:
    """Hold one conversation until the client is gone. `rate` is the microphone's, in Hz."""
    out, heard = anyio.create_memory_object_stream[Heard](16)
    async with out, heard, anyio.create_task_group() as tasks:
        overlap = session.engines.overlaps.open()
        conversation = Conversation(wire, session, tasks, overlap)
        line, floor, speculation = conversation.line, conversation.floor, conversation.speculation
        ear = Ear(session, rate, floor, overlap, tasks, out)
        tasks.start_soon(listen, wire, conversation, ear, out)
        speculation.follow()
        async for event in heard:
            match event:
                case Onset(at=at):
                    await line.send(events.Onset())
                    await floor.duck(at)
                    speculation.follow()
                case Sustained():
                    await floor.pause()
                case FalseOnset() | Dismissed():
                    await floor.resume()
                case Claimed() | Hush():
                    await floor.clear()
                case Partial(text, stable=True, language=language):
                    speculation.begin(text, language)
                case Partial(text):
                    speculation.follow(text)
                    await line.send(events.Partial(text))
                case Aside(text):
                    await line.send(events.Final(text, 0))
                    await floor.resume()
                case Final(ended=t0, engine=engine) as final:
                    clocks = Clocks(t0, {"vad": session.engines.vad.name, "stt": engine})
                    clocks.lap("stt")
                    await floor.clear()
                    await floor.give(reply, conversation, conversation.asked(final), clocks)
                case Typed(text, t0):
                    await floor.give(reply, conversation, Exchange(text), Clocks(t0))
                case Unheard(error):
                    await line.send(describe(error))
                    await floor.resume()


async def answer_typed(wire: Sender, session: Session, text: str) -> None:
    """Answer one typed text, and return when its turn has ended. Nobody is listened to."""
    async with anyio.create_task_group() as tasks:
        conversation = Conversation(wire, session, tasks)
        await conversation.floor.give(reply, conversation, Exchange(text), Clocks(anyio.current_time()))
        await conversation.floor.wait_free()


async def listen(
    wire: Wire, conversation: Conversation, ear: Ear, out: MemoryObjectSendStream[Heard]
) -> None:
    """Sort what the client sends: sound to the ear, words and wishes to the conversation."""
    session = conversation.session
    while True:
        try:
            message = await wire.receive()
        except anyio.EndOfStream:
            return conversation.tasks.cancel_scope.cancel()
        match message:
            case bytes():
                await ear.hear(message)
            case events.Text(text=text):
                await out.send(Typed(text, anyio.current_time()))
            case events.TalkStart():
                await ear.talk_start()
            case events.TalkEnd():
                await ear.talk_end()
            case events.Hush():
                await out.send(Hush())
            case events.Playback(turn=turn, played_ms=played):
                conversation.floor.played(turn, played / 1e3)
            case events.UpdateContext(text=text):
                session.update_context(text)
            case events.Settings():
                before = session.manner.hearing
                session.manner.apply(message)
                if session.manner.hearing != before:
                    ear.tune()
                    await out.send(FalseOnset())
            case events.Ping():
                await conversation.line.send(events.Pong())


@dataclass(frozen=True, slots=True)
class Turn:
    """One question on its way to its answer."""

    number: int
    conversation: Conversation
    exchange: Exchange
    draft: Draft
    playout: Playout

    async def send(self, event: events.ServerEvent) -> None:
        await self.conversation.line.send(event)


async def reply(conversation: Conversation, exchange: Exchange, clocks: Clocks) -> None:
    """Think and speak at once; whatever happens, remember what was heard."""
    session, line = conversation.session, conversation.line
    aloud = session.manner.speak
    draft = conversation.speculation.take(exchange.user, clocks)
    playout = Playout(line, session.turn, session.tuning.lead, conversation.overlap, draft.clocks)
    turn = Turn(session.turn, conversation, exchange, draft, playout)
    conversation.floor.playout = playout
    outcome: Outcome = "failed"
    try:
        await turn.send(events.Final(exchange.user, turn.number))
        out, statements = anyio.create_memory_object_stream[Statement](MAX_WAITING_STATEMENTS)
        async with out, statements, anyio.create_task_group() as tasks:
            tasks.start_soon(think, turn, out)
            tasks.start_soon(speak, turn, statements)
        await playout.drained()
        outcome = "done"
    except anyio.get_cancelled_exc_class():
        outcome = "interrupted"
        raise
    except Exception as error:  # a turn may fail; the conversation goes on
        await turn.send(describe(error, turn.number))
    finally:
        with anyio.move_on_after(COMMIT_TIMEOUT_S, shield=True):
            await draft.close()
            if outcome == "done" or not aloud:
                exchange.heard = exchange.generated.strip()
            else:
                exchange.heard = playout.heard(await playout.position(FINAL_REPORT_TIMEOUT_S))
            exchange.outcome = outcome
            session.chat.commit(exchange)
            await turn.send(events.Metrics(turn.number, draft.clocks.laps, draft.clocks.engines))
            await turn.send(events.Ended(turn.number, outcome, exchange.heard))


async def think(turn: Turn, out: MemoryObjectSendStream[Statement]) -> None:
    """Show the answer as the model writes it; its statements go to the voice."""
    conversation, exchange = turn.conversation, turn.exchange
    engines = conversation.session.engines

    async def run_tools(calls: Sequence[ToolCall]) -> list[ToolStep]:
        for call in calls:
            await run(call, engines.tools, turn.number, conversation.line, exchange.steps, conversation.tasks)
        return exchange.steps

    async with out, closing(turn.draft.pieces(run_tools)) as pieces:
        async for piece in pieces:
            match piece:
                case Sources(passages, quoted):
                    exchange.sources, exchange.quoted = passages, quoted
                    if passages:
                        sources = [events.Source.of(one, engines.link(one)) for one in passages]
                        await turn.send(events.Sources(turn.number, sources))
                case Delta(text):
                    exchange.generated += text
                    await turn.send(events.Delta(turn.number, text))
                case Statement():
                    await out.send(piece)


async def speak(turn: Turn, statements: MemoryObjectReceiveStream[Statement]) -> None:
    """Say each sentence as it comes, and what it rests on; a listener who only reads gets no sound."""
    session, playout = turn.conversation.session, turn.playout
    async with statements:
        async for statement in statements:
            if text := statement.text.strip():
                await turn.send(events.Sentence(turn.number, text, list(statement.sources)))
            if not session.manner.speak:
                continue
            voice = session.manner.voice_for(turn.exchange.language, turn.exchange.quoted)
            spoken = speakable(statement.text, voice.language)
            playout.begin(statement.text, spoken)
            if spoken:
                async with closing(turn.draft.speak(spoken, voice)) as audio:
                    async for chunk in audio:
                        await playout.add(chunk)
            playout.finish()
