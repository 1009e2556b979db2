"""Who may import whom: the house's one law, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nexus_voice

ROOT = Path(nexus_voice.__file__).parent
SIBLINGS = {"talk", "audio", "engines", "knowledge", "store"}
MAY: dict[str, set[str]] = {
    "domain": {"domain"},
    "ports": {"domain"},
    "workers": {"domain", "workers"},
    **{name: {"domain", "ports", name} for name in SIBLINGS | {"models"}},
    **{name: {"domain", "ports", "workers", name} for name in ("engines", "knowledge")},
    "supply": {"domain", "ports", "engines", "models", "settings", "supply"},
    "api": SIBLINGS | {"domain", "ports", "models", "api", "settings", "observe", "supply"},
    "observe": SIBLINGS | {"domain", "ports", "observe", "settings"},
}
PURE = {"domain": set(), "talk": {"anyio"}, "ports": set()}
"""Third-party packages that these may import at run time, besides the standard library."""
STDLIB_FORBIDDEN = {"talk": {"asyncio", "time", "threading"}, "domain": {"asyncio", "time", "socket"}}


def modules() -> list[tuple[str, Path]]:
    return [
        (path.relative_to(ROOT).parts[0].removesuffix(".py"), path) for path in sorted(ROOT.rglob("*.py"))
    ]


def imports(path: Path) -> list[str]:
    """Absolute names of what a module imports, imports for type checkers left out."""
    tree = ast.parse(path.read_text())
    checked = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    package = ("nexus_voice", *path.relative_to(ROOT).parts[:-1])
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) in checked:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found += [f"{stem}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize(("layer", "path"), modules(), ids=lambda value: str(value).removeprefix(str(ROOT)))
def test_a_module_imports_only_from_its_own_side(layer: str, path: Path) -> None:
    for name in imports(path):
        top, *rest = name.split(".")
        if top == "nexus_voice" and layer in MAY and rest and rest[0] not in {"__version__"}:
            assert rest[0] in MAY[layer], f"{path.name} imports {name}"
        elif layer in PURE and top != "nexus_voice":
            import sys

            assert top in sys.stdlib_module_names | PURE[layer], f"{path.name} imports {name}"
            assert top not in STDLIB_FORBIDDEN.get(layer, set()), f"{path.name} imports {name}"


def test_domain_never_awaits() -> None:
    for path in (ROOT / "domain").glob("*.py"):
        nodes = {type(node) for node in ast.walk(ast.parse(path.read_text()))}
        assert not nodes & {ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith}, path.name
