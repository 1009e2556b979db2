"""Piper voices: (name, megabytes, licence, what it is good for). The first of a language is its default.

Every voice is pulled with its MODEL_CARD, which names the recordings it was trained on and their
licence; where none is named here, look there before using the voice for business.
"""

from __future__ import annotations

SEE = "see its MODEL_CARD"
VOICES: tuple[tuple[str, int, str, str], ...] = (
    ("en_US-ljspeech-medium", 63, "public domain", "speaks American English, a woman"),
    ("en_US-lessac-medium", 63, "Blizzard 2013 (research)", "speaks American English, a clear woman"),
    ("en_US-ryan-medium", 63, SEE, "speaks American English, a man"),
    ("en_GB-cori-medium", 63, "public domain", "speaks British English, a woman"),
    ("en_GB-alan-medium", 63, SEE, "speaks British English, a man"),
    ("de_DE-thorsten-medium", 63, "CC0", "speaks German, a man"),
    ("fr_FR-siwis-medium", 63, "CC BY 4.0", "speaks French, a woman"),
    ("es_ES-davefx-medium", 63, SEE, "speaks Spanish, a man"),
    ("es_MX-ald-medium", 63, SEE, "speaks Mexican Spanish"),
    ("it_IT-paola-medium", 63, SEE, "speaks Italian, a woman"),
    ("pt_BR-faber-medium", 63, SEE, "speaks Brazilian Portuguese, a man"),
    ("nl_NL-mls-medium", 77, "CC BY 4.0", "speaks Dutch, many speakers"),
    ("pl_PL-gosia-medium", 63, SEE, "speaks Polish, a woman"),
    ("cs_CZ-jirka-medium", 63, SEE, "speaks Czech, a man"),
    ("hu_HU-anna-medium", 63, SEE, "speaks Hungarian, a woman"),
    ("ru_RU-irina-medium", 63, SEE, "speaks Russian, a woman"),
    ("uk_UA-ukrainian_tts-medium", 77, SEE, "speaks Ukrainian, three speakers"),
    ("tr_TR-dfki-medium", 63, SEE, "speaks Turkish"),
    ("sv_SE-nst-medium", 63, SEE, "speaks Swedish"),
    ("da_DK-talesyntese-medium", 63, SEE, "speaks Danish"),
    ("fi_FI-harri-medium", 63, SEE, "speaks Finnish, a man"),
    ("ca_ES-upc_ona-medium", 63, SEE, "speaks Catalan, a woman"),
    ("ar_JO-kareem-medium", 63, SEE, "speaks Arabic, a man"),
    ("vi_VN-vais1000-medium", 63, "CC BY 4.0", "speaks Vietnamese, a woman"),
    ("zh_CN-huayan-medium", 63, SEE, "speaks Mandarin Chinese, a woman"),
)
