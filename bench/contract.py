"""What is measured, and by which definitions: the same for every pipeline it is compared with.

Times are in seconds unless a name says otherwise; the clock is `time.monotonic()`.
"""

from __future__ import annotations

from nexus_voice.engines.fake.engines import tokens
from nexus_voice.settings.engines import Fake
from nexus_voice.text.sentences.splitter import Sentences

# The microphone.
RATE = 16_000
FRAME = 0.020
FRAME_BYTES = 640
SILENCE_AFTER = 2.0
"""Silence after the utterance; the reply is still playing when the next cycle begins."""
LEAD_IN = 1.0

# What is configured, in whole windows of the detector (32 ms).
END_OF_SPEECH = 0.320
INTERRUPT = 0.192

# The scripted engines.
TRANSCRIPT_DELAY = 0.100
FIRST_TOKEN = 0.150
TOKEN_GAP = 0.020
FIRST_AUDIO = 0.080
AUDIO_SPEED = 10.0
SENTENCE_SECONDS = 2.0
AUDIO_RATE = 24_000
ANSWER = str(Fake().answer)


def tokens_until_first_piece() -> int:
    """How many tokens the sentence splitter needs before it releases the first piece of the answer."""
    splitter = Sentences()
    for count, token in enumerate(tokens(ANSWER), 1):
        if splitter.feed(token):
            return count
    return len(tokens(ANSWER))


FIRST_SENTENCE_TOKENS = 15
"""The first sentence of the answer, with its punctuation mark."""


def unavoidable(first_tokens: int = FIRST_SENTENCE_TOKENS) -> float:
    """Last speech frame -> first audio, if the pipeline itself took no time.

    The window, then the engines' delays up to the `first_tokens` that make the first spoken piece.
    930 ms for the whole first sentence.
    """
    sentence = FIRST_TOKEN + (first_tokens - 1) * TOKEN_GAP
    return END_OF_SPEECH + TRANSCRIPT_DELAY + sentence + FIRST_AUDIO


def server_settings(llm_url: str = "") -> dict[str, str]:
    """The server's environment for a load test: real detector, scripted engines."""
    llm = (
        {"NEXUS_LLM__KIND": "openai", "NEXUS_LLM__BASE_URL": llm_url, "NEXUS_LLM__MODEL": "stub"}
        if llm_url
        else {"NEXUS_LLM__KIND": "fake"}
    )
    return llm | {
        "NEXUS_VAD__KIND": "silero",
        "NEXUS_STT__KIND": "fake",
        "NEXUS_TTS__KIND": "fake",
        "NEXUS_EMBEDDER__KIND": "fake",
        "NEXUS_KNOWLEDGE__ENABLED": "false",
        "NEXUS_TALK__SILENCE": str(END_OF_SPEECH),
        "NEXUS_TALK__INTERRUPT": str(INTERRUPT),
        "NEXUS_FAKE__FINAL_DELAY": str(TRANSCRIPT_DELAY),
        "NEXUS_FAKE__FIRST_TOKEN": str(FIRST_TOKEN),
        "NEXUS_FAKE__TOKEN_GAP": str(TOKEN_GAP),
        "NEXUS_FAKE__FIRST_AUDIO": str(FIRST_AUDIO),
        "NEXUS_FAKE__AUDIO_SPEED": str(AUDIO_SPEED),
        "NEXUS_FAKE__SENTENCE_SECONDS": str(SENTENCE_SECONDS),
        "NEXUS_FAKE__AUDIO_RATE": str(AUDIO_RATE),
        "NEXUS_SERVER__LOG": "warning",
    }
