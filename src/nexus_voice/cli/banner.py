"""What a person reads when the server has started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..supply.advice import Advice

ANYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not bound


def address(host: str, port: int) -> str:
    """The URL to open in a browser on this machine."""
    host = "127.0.0.1" if host in ANYWHERE else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def banner(
    url: str, engines: Mapping[str, str], better: Sequence[Advice], documents: str, seconds: float
) -> list[str]:
    """At most ten lines. `engines` are names by port."""
    lines = [
        f"Nexus Voice is ready after {seconds:.1f} s. Open {url} in a browser.",
        f"  hears with     {engines['vad']}, {engines['stt']}",
        f"  answers with   {engines['llm']}",
        f"  speaks with    {engines['tts']}",
        f"  knows          {documents}",
    ]
    lines += [f"  better:  {one.command}  # {one.message}" for one in better]
    lines.append(
        'Try `nexus-voice ask "How do I add a language model?"` in another terminal. Ctrl-C stops the server.'
    )
    return lines


def part_banner(
    url: str, role: str, engines: Mapping[str, str], better: Sequence[Advice], seconds: float
) -> list[str]:
    """For a server of one role alone."""
    lines = [f"Nexus Voice, role {role}, is ready after {seconds:.1f} s. Others use it at {url}/v1."]
    lines += [f"  {port:<14} {name}" for port, name in engines.items()]
    lines += [f"  better:  {one.command}  # {one.message}" for one in better]
    lines.append(f"Its state is at {url}/readyz, its figures at {url}/metrics. Ctrl-C stops the server.")
    return lines
