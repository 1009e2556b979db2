"""Conversations that a lost connection may come back to."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from nexus_voice.conversations.sessions import Sessions


def sessions(idle: float = 3600, most: int = 10) -> Sessions[str]:
    return Sessions(lambda name: f"session {name}", idle, most)


def test_id_and_token_together_open_a_session() -> None:
    store = sessions()
    kept, resumed = store.open()
    assert not resumed
    assert store.open(kept.id, kept.token) == (kept, True)
    for id, token in ((kept.id, "wrong"), (kept.id, ""), ("other", kept.token)):
        assert store.open(id, token)[1] is False


def test_no_more_than_so_many_are_kept() -> None:
    store = sessions(most=10)
    first, _ = store.open()
    first.leave = lambda: None  # held by a connection
    for _ in range(50):
        store.open()
    assert len(store) <= 11
    assert store.open(first.id, first.token)[1], "one in use is not forgotten"


def test_idleness_counts_from_the_end_of_the_connection() -> None:
    now = 0.0
    store = Sessions(lambda name: name, 3600, 10, clock=lambda: now)
    kept, _ = store.open()

    async def long_call() -> None:
        nonlocal now
        async with store.hold(kept, lambda: None):
            now = 5000

    anyio.run(long_call)
    assert store.open(kept.id, kept.token)[1]
    now = 5000 + 3601
    assert not store.open(kept.id, kept.token)[1]


def test_the_newest_connection_takes_over_once_the_older_has_let_go() -> None:
    store = sessions()
    kept, _ = store.open()
    story: list[str] = []

    async def connection(name: str) -> None:
        with anyio.CancelScope() as scope:
            async with store.hold(kept, scope.cancel):
                story.append(f"{name} holds")
                try:
                    await anyio.sleep(0.05 if name == "third" else 60)
                finally:
                    story.append(f"{name} lets go")

    async def scene() -> None:
        async with anyio.create_task_group() as tasks:
            for name in ("first", "second", "third"):
                tasks.start_soon(connection, name)
                await anyio.lowlevel.checkpoint()

    anyio.run(scene)
    assert story == ["first holds", "first lets go", "third holds", "third lets go"]
    assert kept.leave is None
