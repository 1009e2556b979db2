"""Tells what kind of file it is: by its content first, then by its media type and its name."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath
from typing import Literal

from ...core.errors import BadInput
from .limits import broken, empty, encrypted
from .limits import unsupported as refused

Kind = Literal[
    "text", "markdown", "html", "csv", "email", "pdf", "docx", "pptx", "xlsx", "xls", "epub",
    "odt", "ods", "odp", "rtf", "doc", "ppt",
    "png", "jpeg", "tiff", "webp", "gif", "bmp",
]  # fmt: skip

SUFFIXES: dict[str, Kind] = {
    ".txt": "text", ".text": "text", ".log": "text",
    ".md": "markdown", ".markdown": "markdown", ".mdown": "markdown",
    ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf", ".docx": "docx", ".pptx": "pptx", ".xlsx": "xlsx", ".xls": "xls",
    ".csv": "csv", ".tsv": "csv", ".epub": "epub", ".eml": "email", ".rtf": "rtf",
    ".doc": "doc", ".ppt": "ppt", ".odt": "odt", ".ods": "ods", ".odp": "odp",
    ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".tif": "tiff", ".tiff": "tiff", ".webp": "webp",
    ".gif": "gif", ".bmp": "bmp",
}  # fmt: skip
MEDIA: dict[str, Kind] = {
    "text/plain": "text", "text/markdown": "markdown", "text/x-markdown": "markdown",
    "text/html": "html", "application/xhtml+xml": "html", "text/csv": "csv",
    "text/tab-separated-values": "csv", "message/rfc822": "email",
}  # fmt: skip
"""Kinds that cannot be told by their content."""
OPEN = "application/vnd.oasis.opendocument"
OFFICE = "application/vnd.openxmlformats-officedocument"
MEDIA_TYPE: dict[Kind, str] = {
    "text": "text/plain", "markdown": "text/markdown", "html": "text/html", "csv": "text/csv",
    "email": "message/rfc822", "pdf": "application/pdf", "epub": "application/epub+zip",
    "docx": f"{OFFICE}.wordprocessingml.document", "pptx": f"{OFFICE}.presentationml.presentation",
    "xlsx": f"{OFFICE}.spreadsheetml.sheet", "xls": "application/vnd.ms-excel",
    "odt": f"{OPEN}.text", "ods": f"{OPEN}.spreadsheet", "odp": f"{OPEN}.presentation",
    "rtf": "application/rtf", "doc": "application/msword", "ppt": "application/vnd.ms-powerpoint",
    "png": "image/png", "jpeg": "image/jpeg", "tiff": "image/tiff", "webp": "image/webp", "gif": "image/gif",
    "bmp": "image/bmp",
}  # fmt: skip

OPEN_KINDS: tuple[Kind, ...] = ("odt", "ods", "odp")
OFFICE_FOLDERS: dict[str, Kind] = {"word/": "docx", "ppt/": "pptx", "xl/": "xlsx"}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PICTURES: dict[bytes, Kind] = {
    b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"II*\0": "tiff", b"MM\0*": "tiff", b"GIF8": "gif",
    b"BM": "bmp",
}  # fmt: skip
HEIF = re.compile(rb".{4}ftyp(?:heic|heix|hevc|mif1|msf1)", re.DOTALL)
BINARY = {
    b"RIFF": "sound and video", b"OggS": "sound and video",
    b"ID3": "sound", b"fLaC": "sound", b"\x1aE\xdf\xa3": "video", b"\x1f\x8b": "archives",
    b"BZh": "archives", b"7z\xbc\xaf": "archives", b"Rar!": "archives", b"\xfd7zXZ": "archives",
    b"%!PS": "PostScript files",
}  # fmt: skip
HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html)\b", re.IGNORECASE)
TEXTUAL = ("text", "markdown", "html", "csv", "email")


def kind(name: str, data: bytes, type: str | None) -> Kind:
    """The kind of a file. `type` is a media type, perhaps with parameters. A wrong suffix does no harm if the
    content tells the kind. Raises `BadInput` (`unsupported_type`, `encrypted_document`, `broken_document`,
    `empty_document`) and `BadZipFile`."""
    media = (type or "").partition(";")[0].strip().lower()
    suffix = PurePath(name).suffix.lower()
    if b"%PDF-" in data[:1024] and MEDIA.get(media, SUFFIXES.get(suffix)) not in TEXTUAL:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _zipped(name, data)
    if data.startswith(b"{\\rtf"):
        return "rtf"
    if data.startswith(OLE):
        return _ole(name, data)
    if b"\0" in data[:256]:  # "BM..." may begin a text
        if picture := next((kind for start, kind in PICTURES.items() if data.startswith(start)), None):
            return picture
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return "webp"
        if HEIF.match(data):
            raise unsupported(name, "pictures of type HEIC", "Save it as JPEG.")
    what = next((what for start, what in BINARY.items() if data.startswith(start)), "")
    if what.endswith("files") or (what and b"\0" in data[:256]):
        raise unsupported(name, what)
    found = MEDIA.get(media) if media != "text/plain" else None
    found = found or SUFFIXES.get(suffix) or MEDIA.get(media)
    if found in TEXTUAL:
        return found
    if HTML.match(data[:1024]):
        return "html"
    if found:  # the name promises a kind that the content is not
        if data.strip():
            raise broken(name)
        raise empty(name)
    if not suffix and media in ("", "application/octet-stream"):
        return "text"
    raise unsupported(name, f"files of type {media or suffix}")


def charset(type: str | None) -> str:
    """The encoding that a media type names; "" if it names none."""
    named = re.search(r"""charset\s*=\s*["']?([\w.:-]+)""", type or "", re.IGNORECASE)
    return named[1] if named else ""


def _zipped(name: str, data: bytes) -> Kind:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        mimetype = archive.open("mimetype").read(100) if "mimetype" in names else b""
    if "[Content_Types].xml" in names:
        for folder, kind in OFFICE_FOLDERS.items():
            if any(member.startswith(folder) for member in names):
                return kind
    if "META-INF/container.xml" in names:
        return "epub"
    if "mimetype" in names and "content.xml" in names:
        for kind in OPEN_KINDS:
            if mimetype.startswith(MEDIA_TYPE[kind].encode()):
                return kind
        raise unsupported(name, "OpenDocument files of this type", "Save it as .odt, .ods, .odp or .pdf.")
    raise unsupported(name, "archives", "Unpack it and add what is in it.")


def _ole(name: str, data: bytes) -> Kind:
    """The kind of an old Office file, or of a new one with a password, by the names of its streams."""
    if _stream("EncryptedPackage") in data:
        raise encrypted(name)
    if old := old_kind(data):
        return old
    if _stream("__substg1.0_") in data:
        raise unsupported(name, "Outlook messages", "Save it as .eml.")
    if _stream("Workbook") in data or _stream("Book") in data:
        return "xls"
    raise unsupported(name, "files of this type")


def old_kind(data: bytes) -> Kind | None:
    """Whether it is a Word or PowerPoint file of before 2007. It takes a while for a large one."""
    if not data.startswith(OLE) or _stream("EncryptedPackage") in data:
        return None
    streams: dict[str, Kind] = {"WordDocument": "doc", "PowerPoint Document": "ppt"}
    return next((kind for stream, kind in streams.items() if _stream(stream) in data), None)


def old(name: str, kind: Kind) -> BadInput:
    what, newer = {"doc": ("Word", ".docx"), "ppt": ("PowerPoint", ".pptx")}[kind]
    advice = f"Save it as {newer}, or install LibreOffice beside the server."
    return unsupported(name, f"{what} files of before 2007", advice)


def _stream(name: str) -> bytes:
    return name.encode("utf-16-le")


def unsupported(name: str, what: str, advice: str = "") -> BadInput:
    return refused(name, what, advice or f"These can: {', '.join(suffix[1:] for suffix in SUFFIXES)}.")
