"""What a person reads when the server has started."""

from __future__ import annotations

from collections.abc import Mapping

BETTER: dict[tuple[str, str], str] = {
    ("llm", "extractive"): (
        "Answers are quoted from your documents. For free conversation add a language model, for example "
        "Ollama's:\n      NEXUS_LLM__KIND=openai NEXUS_LLM__BASE_URL=http://127.0.0.1:11434/v1"
    ),
    ("vad", "energy"): "Any loud sound counts as speech. NEXUS_VAD__KIND=silero tells voices from noise.",
}
"""(port, kind) -> what would be better than this kind, and how to get it."""

ANYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not bound


def address(host: str, port: int) -> str:
    """The URL to open in a browser on this machine."""
    host = "127.0.0.1" if host in ANYWHERE else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def banner(
    url: str, engines: Mapping[str, str], kinds: Mapping[str, str], documents: str, seconds: float
) -> list[str]:
    """At most ten lines. `engines` are names by port, `kinds` the settings' choices by port."""
    lines = [
        f"Nexus Voice is ready after {seconds:.1f} s. Open {url} in a browser.",
        f"  hears with     {engines['vad']}, {engines['stt']}",
        f"  answers with   {engines['llm']}",
        f"  speaks with    {engines['tts']}",
        f"  knows          {documents}",
    ]
    lines += [f"  better:  {text}" for choice, text in BETTER.items() if kinds.get(choice[0]) == choice[1]]
    lines.append(
        'Try `nexus-voice ask "How do I add a language model?"` in another terminal. Ctrl-C stops the server.'
    )
    return lines
