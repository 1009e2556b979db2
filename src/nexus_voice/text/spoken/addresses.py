"""Says addresses in words: URLs, hosts, e-mail, file paths and names, versions, IP addresses."""

from __future__ import annotations

import re

_LEFT, _RIGHT = "([{<\"'“‘«", ".,;:!?)]}>\"'”’»…"
_SUSPECT = re.compile(r"[./@\\](?=[\w.~])|[vV][0-9]")
_URL = re.compile(
    r"(?:https?|ftp|wss?)://(?:[^\s/?#@]*@)?(?P<host>[^\s/?#:@]+)(?::(?P<port>[0-9]{1,5}))?.*", re.I
)
_WWW = re.compile(r"www\.(?P<host>[\w-]+(?:\.[\w-]+)+)(?:[/?#].*)?", re.I)
_EMAIL = re.compile(r"(?:mailto:)?([\w.+-]{1,64})@([\w-]+(?:\.[\w-]+)+)", re.I)
_HOST = re.compile(
    r"((?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|edu|gov|info|io|dev|ai|app|co|uk|de|fr|eu|tv|wiki))(?:[/?#].*)?",
    re.I,
)
_EXTENSION = (
    r"\.(?:py|js|ts|tsx|jsx|json|jsonl|ya?ml|toml|md|txt|csv|tsv|html?|css|pdf|docx?|xlsx?|pptx?|png|jpe?g|gif|svg"
    r"|mp3|mp4|wav|ogg|zip|tar|gz|sh|exe|dll|ini|cfg|conf|env|log|sql|db|gguf|onnx|lock|xml|ipynb|rs|go|java|cpp)"
)
_FILE = re.compile(rf"[\w@%+.-]{{0,100}}\w{_EXTENSION}", re.I)
_DOT_FILE = re.compile(r"\.[a-z][\w-]+")
_ROOTED = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.@%+~-][\w.@%+~/\\-]*")
_VERSION = re.compile(r"(v?)([0-9]{1,6}(?:\.[0-9]{1,6})*)-?([a-z]{0,8}[0-9]{0,4})", re.I)


def spoken_addresses(text: str) -> str:
    """Replace every address by words. Each word is looked at once, so that the time is linear."""
    return re.sub(r"\S+", _word, text) if _SUSPECT.search(text) else text


def _word(match: re.Match[str]) -> str:
    word = match[0]
    if not _SUSPECT.search(word):
        return word
    core = word.lstrip(_LEFT).rstrip(_RIGHT)
    if not core:
        return word
    at = word.index(core)
    said = _said(core[:500])
    return word if said is None else word[:at] + said + word[at + len(core) :]


def _said(word: str) -> str | None:
    if url := _URL.fullmatch(word):
        port = f" port {url['port']}" if url["port"] else ""
        return _dotted(url["host"].removeprefix("www.")) + port
    if www := _WWW.fullmatch(word):
        return _dotted(www["host"])
    if email := _EMAIL.fullmatch(word):
        name = email[1].replace("_", " underscore ").replace("-", " dash ").replace("+", " plus ")
        return f"{_dotted(name)} at {_dotted(email[2])}"
    if version := _VERSION.fullmatch(word):
        return _version(version)
    if _ROOTED.fullmatch(word) or (
        ("/" in word or "\\" in word) and _FILE.fullmatch(re.split(r"[/\\]", word)[-1])
    ):
        return _path(word)
    if _FILE.fullmatch(word) or _DOT_FILE.fullmatch(word):
        return _dotted(word.replace("_", " "))
    if host := _HOST.fullmatch(word):
        return _dotted(host[1])
    return None


def _dotted(name: str) -> str:
    return " ".join(name.replace(".", " dot ").split())


def _version(found: re.Match[str]) -> str | None:
    v, numbers, suffix = found.groups()
    parts = numbers.split(".")
    if not v and (len(parts) < 3 or suffix or [len(part) for part in parts] == [3, 3, 4]):
        return None  # a telephone number among them
    if not v and len(parts) == 4:
        return " dot ".join(parts)  # an IP address
    return " ".join(filter(None, ["version" if v else "", " point ".join(parts), suffix]))


def _path(path: str) -> str:
    """A short path is said as a whole, a long one by its last part."""
    path = path.replace("\\", "/").removeprefix("./")
    parts = [part for part in path.split("/") if part.strip(".")]
    if not parts:
        return "slash"
    if len(parts) > 4:
        return _dotted(parts[-1].replace("_", " "))
    said = " slash ".join("home" if part == "~" else _dotted(part.replace("_", " ")) for part in parts)
    return f"slash {said}" if path.startswith("/") else said
