"""Which room of the house may import which: read from the source, imports for type checkers included."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import nexus_voice

ROOT = Path(nexus_voice.__file__).parent
BASE = {"core", "text", "audio"}
"""Values, words and sound: everybody may use them."""
ROOMS = {"talk", "engines", "models", "tools", "knowledge", "conversations"}
"""They know the base and the ports, and never each other."""
EVERYTHING_BELOW_THE_SERVER = BASE | ROOMS | {"ports", "storage", "workers", "settings", "supply"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "text": {"core"},
    "audio": {"core"},
    "ports": BASE,
    "settings": {"core"},
    "storage": {"core", "text"},
    "workers": {"core"},
    **{room: BASE | {"ports"} for room in ROOMS},
    "engines": BASE | {"ports", "workers"},
    "knowledge": BASE | {"ports", "workers", "storage"},
    "conversations": BASE | {"ports", "storage"},
    "supply": BASE | {"ports", "settings", "engines", "models"},
    "telemetry": EVERYTHING_BELOW_THE_SERVER,
    "server": EVERYTHING_BELOW_THE_SERVER | {"telemetry"},
    "cli": EVERYTHING_BELOW_THE_SERVER | {"telemetry", "server"},
    "__main__": {"cli"},
    "__init__": set(),
}
"""Room -> the other rooms it may import."""
THIRD_PARTY = {"core": set(), "text": set(), "ports": set(), "talk": {"anyio", "numpy", "soxr"}}
"""Packages that these rooms may import besides the standard library; the others may import any."""
FORBIDDEN_STDLIB = {
    "talk": {"asyncio", "time", "threading"},
    "core": {"asyncio", "time", "socket"},
    "text": {"asyncio", "time", "socket"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def type_checking_nodes(tree: ast.Module) -> set[int]:
    return {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path, *, for_type_checkers: bool) -> set[str]:
    """Absolute names of the modules that a file imports: ours exactly, others by their package."""
    tree = tree_of(path)
    skipped = set() if for_type_checkers else type_checking_nodes(tree)
    package = ("nexus_voice", *path.relative_to(ROOT).parts[:-1])
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {name if (name := f"{stem}.{alias.name}") in FILES else stem for alias in node.names}
    return found


def test_every_room_is_in_the_list() -> None:
    assert {room_of(path) for path in FILES.values()} == set(MAY_IMPORT)


def test_a_file_imports_only_the_rooms_it_may() -> None:
    wrong = [
        f"{file}: {room_of(path)} may not import {name}"
        for file, path in FILES.items()
        for name in imports(path, for_type_checkers=True)
        if name.startswith("nexus_voice.")
        and name.split(".")[1] not in MAY_IMPORT[room_of(path)] | {room_of(path)}
    ]
    assert not wrong


def test_the_inner_rooms_are_free_of_foreign_packages() -> None:
    wrong = [
        f"{file}: {room} may not import {name}"
        for file, path in FILES.items()
        if (room := room_of(path)) in THIRD_PARTY
        for name in imports(path, for_type_checkers=False)
        if (top := name.split(".")[0]) != "nexus_voice"
        and (
            top not in sys.stdlib_module_names | THIRD_PARTY[room] or top in FORBIDDEN_STDLIB.get(room, set())
        )
    ]
    assert not wrong


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Files that import each other in a circle, the first one found; empty if there is none."""
    done: set[str] = set()
    for start in edges:
        way: list[str] = []
        branches = [iter([start])]
        while branches:
            name = next(branches[-1], None)
            if name is None:
                branches.pop()
                if way:
                    done.add(way.pop())
            elif name in way:
                return [*way[way.index(name) :], name]
            elif name not in done:
                way.append(name)
                branches.append(iter(sorted(edges.get(name, ()))))
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    edges = {name: imports(path, for_type_checkers=True) & set(FILES) for name, path in FILES.items()}
    for name in edges:
        edges[name] -= {name, *(package for package in FILES if name.startswith(package + "."))}
    assert not circle(edges), " -> ".join(circle(edges))


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_core_and_text_never_await() -> None:
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    wrong = [
        file
        for file, path in FILES.items()
        if room_of(path) in ("core", "text")
        and any(isinstance(node, waits) for node in ast.walk(tree_of(path)))
    ]
    assert not wrong
