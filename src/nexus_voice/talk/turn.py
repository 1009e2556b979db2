"""The turn: hear, answer, fall silent when spoken over. Read this file first.

On the wire a turn is `onset partial* final -> sources? delta* sentence* audio* tool* -> ended`; a barge-in is
`duck flush ended(interrupted)`. Everything a reply does hangs in one scope, so that cancelling it
unwinds model, tools and voice together; whatever happens, what was heard is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ..core import events
from ..core.audio import Voice
from ..core.chat import Cited, Exchange, Outcome, Passage, Prompt, ToolCall
from ..text.citations.citations import Citations, Statement, Written
from ..text.spoken.speakable import speakable
from ..text.turn_ends import interrupts, is_ignorable
from .client_line import Line
from .clocks import Clocks
from .failures import describe
from .floor import Floor
from .listening.ear import Ear
from .listening.events import FalseOnset, Final, Heard, Hush, Onset, Partial, Sustained, Typed, Unheard
from .playout import Playout
from .prefetch import Recall
from .session import Session
from .streams import closing
from .tools import run

LAST_WORD = 0.25
"""Seconds a client has to say how much it had played when it was told to be silent."""
COMMIT = 1.0
"""Seconds that remembering a reply may take, whatever else is being cancelled."""
TOOL_ROUNDS = 4
"""How often the model may ask for tools within one turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question on its way to its answer."""

    number: int
    exchange: Exchange
    clocks: Clocks
    line: Line
    session: Session
    recall: Recall | None
    floor: Floor


async def converse(line: Line, session: Session, rate: int) -> None:
    """Hold one conversation until the client is gone. `rate` is the microphone's, in Hz."""
    out, said = anyio.create_memory_object_stream[Heard](16)
    async with out, said, anyio.create_task_group() as tasks:
        knowledge = session.engines.knowledge
        recall = Recall(knowledge, tasks, session) if knowledge else None
        floor = Floor(session, line, tasks)
        ear = Ear(session, rate, floor, tasks, out)
        tasks.start_soon(listen, line, session, floor, ear, out, tasks.cancel_scope)
        async for event in said:
            match event:
                case Onset(at):
                    await line.send(events.Onset())
                    await floor.duck(at)
                case FalseOnset():
                    await floor.unduck()
                case Sustained() | Hush():
                    await floor.clear()
                case Partial(text, stable=True):
                    if recall and session.manner.knowledge:
                        recall.prefetch(text)
                case Partial(text):
                    await line.send(events.Partial(text))
                    if floor.taken and interrupts(text, floor.speaking) and ear.own_speech():
                        await floor.clear()
                case Final(text, _, began) if is_ignorable(text, floor.taken) or floor.is_echo(text, began):
                    await line.send(events.Final(text, 0))
                    await floor.unduck()
                case Final(text, t0) | Typed(text, t0):
                    exchange, clocks = Exchange(text), Clocks(t0)
                    if isinstance(event, Final):
                        exchange.language = event.language
                        clocks.lap("stt")
                    await floor.give(reply, exchange, clocks, line, session, recall, floor)
                case Unheard(error):
                    await line.send(describe(error))
                    await floor.unduck()


async def listen(
    line: Line,
    session: Session,
    floor: Floor,
    ear: Ear,
    out: MemoryObjectSendStream[Heard],
    conversation: anyio.CancelScope,
) -> None:
    """Sort what the client sends: sound to the ear, words and wishes to the conversation."""
    while True:
        try:
            message = await line.receive()
        except anyio.EndOfStream:
            return conversation.cancel()
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
                floor.played(turn, played / 1e3)
            case events.UpdateContext(text=text):
                session.update_context(text)
            case events.Settings():
                before = session.manner.hearing
                session.manner.apply(message)
                if session.manner.hearing != before:
                    ear.tune()
                    await out.send(FalseOnset())
            case events.Ping():
                await line.send(events.Pong())


async def reply(
    exchange: Exchange, clocks: Clocks, line: Line, session: Session, recall: Recall | None, floor: Floor
) -> None:
    """Think and speak at once; whatever happens, remember what was heard."""
    aloud = session.manner.speak
    turn = Turn(session.turn, exchange, clocks, line, session, recall, floor)
    playout = floor.playout = Playout(line, turn.number, session.tuning.lead, floor.overlap, clocks)
    outcome: Outcome = "failed"
    try:
        await line.send(events.Final(exchange.user, turn.number))
        out, statements = anyio.create_memory_object_stream[Statement](64)
        async with out, statements, anyio.create_task_group() as tasks:
            tasks.start_soon(think, turn, out)
            tasks.start_soon(speak, turn, statements, playout)
        await playout.drained()
        outcome = "done"
    except anyio.get_cancelled_exc_class():
        outcome = "interrupted"
        raise
    except Exception as error:  # a turn may fail; the conversation goes on
        await line.send(describe(error, turn.number))
    finally:
        with anyio.move_on_after(COMMIT, shield=True):
            if outcome == "done" or not aloud:
                exchange.heard = exchange.generated.strip()
            else:
                exchange.heard = playout.heard(await playout.position(LAST_WORD))
            exchange.outcome = outcome
            session.chat.commit(exchange)
            await line.send(events.Metrics(turn.number, clocks.laps, session.engines.names()))
            await line.send(events.Ended(turn.number, outcome, exchange.heard))


async def think(turn: Turn, out: MemoryObjectSendStream[Statement]) -> None:
    """Look things up, let the model write, run its tools; whole sentences go to the voice."""
    exchange, engines = turn.exchange, turn.session.engines
    prompt = await compose(turn)
    citations = Citations(prompt.passages)
    async with out:
        for round in range(TOOL_ROUNDS):
            calls: list[ToolCall] = []
            tools = engines.tools if round < TOOL_ROUNDS - 1 else ()  # in the end it must answer
            async with closing(engines.llm.stream(prompt, tools)) as stream:
                async for piece in stream:
                    match piece:
                        case ToolCall():
                            calls.append(piece)
                        case Cited(passages):
                            exchange.quoted = True
                            await cite(turn, passages)
                            citations.use(exchange.sources or ())
                        case token:
                            if not exchange.generated:
                                turn.clocks.lap("llm_first_token")
                                await cite(turn, prompt.passages)
                            await write(turn, citations.feed(token), out)
            await write(turn, citations.pause(), out)
            if not calls:
                break
            for call in calls:
                await run(call, engines.tools, turn.number, turn.line, exchange.steps, turn.floor.tasks)
            prompt = replace(prompt, steps=tuple(exchange.steps))
        await write(turn, citations.close(), out)


async def compose(turn: Turn) -> Prompt:
    """Everything the model is given for this turn, each part with its own trust."""
    session, manner, mode = turn.session, turn.session.manner, turn.session.manner.thinking
    passages: list[Passage] = []
    if turn.recall and manner.knowledge:
        passages = await turn.recall.get(turn.exchange.user)
        turn.clocks.lap("recall")
    return Prompt(
        question=turn.exchange.user,
        system=session.tuning.system,
        context=session.chat.context,
        passages=tuple(passages),
        history=session.chat.history(),
        spoken=manner.speak,
        size=mode.size,
        max_tokens=mode.tokens,
        knowledge=turn.recall is not None and manner.knowledge,
    )


async def cite(turn: Turn, passages: tuple[Passage, ...]) -> None:
    """Show what the answer rests on, once: an engine that knows says so before its first text."""
    if turn.exchange.sources is None:
        turn.exchange.sources = passages
        if passages:
            sources = [events.Source.of(passage) for passage in passages]
            await turn.line.send(events.Sources(turn.number, sources))


async def write(turn: Turn, written: Written, out: MemoryObjectSendStream[Statement]) -> None:
    """Show what was written, without the marks of its sources; pass on what is complete."""
    if written.text:
        turn.exchange.generated += written.text
        await turn.line.send(events.Delta(turn.number, written.text))
    for statement in written.statements:
        await out.send(statement)


def voice_of(turn: Turn) -> Voice:
    """The user's voice; unless one was named, one for the language that was spoken."""
    voice, exchange = turn.session.manner.voice, turn.exchange
    return voice if voice.name or exchange.quoted else replace(voice, language=exchange.language)


async def speak(turn: Turn, statements: MemoryObjectReceiveStream[Statement], playout: Playout) -> None:
    """Say each sentence as it comes, and what it rests on; a listener who only reads gets no sound."""
    manner, tts = turn.session.manner, turn.session.engines.tts
    async with statements:
        async for statement in statements:
            if text := statement.text.strip():
                await turn.line.send(events.Sentence(turn.number, text, list(statement.sources)))
            if not manner.speak:
                continue
            spoken = speakable(statement.text)
            playout.begin(statement.text, spoken)
            if spoken:
                async with closing(tts.speak(spoken, voice_of(turn))) as audio:
                    async for chunk in audio:
                        turn.clocks.lap("tts_first_audio")
                        await playout.add(chunk)
            playout.finish()
