"""The names of languages as Whisper servers write them."""

from __future__ import annotations

_NAMES = """
    af afrikaans ar arabic az azerbaijani be belarusian bg bulgarian bn bengali bs bosnian ca catalan cs czech
    cy welsh da danish de german el greek en english es spanish et estonian fa persian fi finnish fr french
    gl galician gu gujarati he hebrew hi hindi hr croatian hu hungarian hy armenian id indonesian
    is icelandic it italian ja japanese ka georgian kk kazakh kn kannada ko korean lt lithuanian lv latvian
    mi maori mk macedonian ml malayalam mn mongolian mr marathi ms malay mt maltese my burmese ne nepali
    nl dutch no norwegian pa punjabi pl polish pt portuguese ro romanian ru russian sk slovak sl slovenian
    sq albanian sr serbian sv swedish sw swahili ta tamil te telugu th thai tl tagalog tr turkish
    uk ukrainian ur urdu vi vietnamese yi yiddish zh chinese
"""
_CODES = dict(zip(_NAMES.split()[1::2], _NAMES.split()[::2], strict=True))


def iso639(language: str) -> str:
    """ISO 639-1 code of a name ("english") or tag ("en-US", "en"); empty when unknown."""
    language = language.strip().lower()
    if language in _CODES:
        return _CODES[language]
    code = language.replace("_", "-").split("-")[0]
    return code if len(code) == 2 else ""
