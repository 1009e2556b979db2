"""Questions about docs/ in users' own words: some name things, some describe them, some are misspelt.

Each has the places that answer it: a page, and a phrase of the passage there (as plain text). One found
is enough.
"""

from __future__ import annotations

Place = tuple[str, str]

QUESTIONS: list[tuple[str, list[Place]]] = [
    # Getting started
    ("which python versions are okay", [("start.md", "Python 3.11 or 3.13")]),
    ("do i have to buy a graphics card or register somewhere", [("start.md", "graphics card")]),
    ("get it running for the very first time", [("start.md", "in the project's folder")]),
    ("query it from the shell with a sound file", [("start.md", "asks with a recording")]),
    ("which key on the keyboard do i keep pressed to speak", [("start.md", "space bar")]),
    ("can it keep listening without me touching anything", [("start.md", "listens all the time")]),
    (
        "shut up button",
        [("start.md", "Escape key"), ("start.md", "falls silent"), ("protocol.md", "Be silent, now")],
    ),
    ("will a sneeze or throat clearing cut it off", [("start.md", "A cough or an")]),
    (
        "does it remember the part i talked over",
        [("start.md", "forgets the part"), ("protocol.md", "is remembered")],
    ),
    ("hook up an llm", [("start.md", "To add a language model"), ("engines.md", "To connect Ollama")]),
    (
        "drag and drop my files",
        [("start.md", "drop them on the page"), ("knowledge.md", "drop the files on the page")],
    ),
    ("does it phone home", [("start.md", "There is no telemetry")]),
    ("who else gets to hear my recordings", [("start.md", "neither sound nor text")]),
    ("is it open source", [("start.md", "free software under the MIT licence")]),
    ("does it speak german", [("start.md", "hundred languages"), ("engines.md", "hundred languages")]),
    ("can i swear at it in french and be understood", [("start.md", "about a hundred languages")]),
    ("how quick are the replies", [("start.md", "how many milliseconds each step took")]),
    ("what sort of program is this anyway", [("start.md", "voice assistant that you run")]),
    # Engines
    ("what works out of the box with no keys set", [("engines.md", "By default Silero detects speech")]),
    ("does my api key win over a pulled model", [("engines.md", "a provider whose key is set")]),
    (
        "try deepgram first and google second",
        [("engines.md", "NEXUS_STT__KIND=deepgram,google"), ("engines.md", "Deepgram, then Google")],
    ),
    ("why does the voice sound so robotic", [("engines.md", "sounds like a robot")]),
    (
        "what is it able to do with no AI model at all",
        [("engines.md", "without a language model it answers")],
    ),
    ("olama is not picked up, where do i put its address", [("engines.md", "To connect Ollama")]),
    ("vllm port", [("engines.md", "vLLM on http://127.0.0.1:8000/v1")]),
    (
        "variable for the cartesia key",
        [("engines.md", "CARTESIA_API_KEY"), ("configuration.md", "CARTESIA_API_KEY")],
    ),
    ("the cloud goes down halfway through a reply", [("engines.md", "ends with an apology")]),
    (
        "how long is a broken provider left alone",
        [
            ("engines.md", "is not used for a few seconds"),
            ("configuration.md", "How long that is; it doubles"),
        ],
    ),
    ("offline transcription that is better than pocketsphinx", [("engines.md", "whisper-base.en")]),
    ("free up disk space from models i no longer use", [("engines.md", "nexus-voice models rm NAME")]),
    ("HF_ENDPOINT", [("engines.md", "HF_ENDPOINT")]),
    ("make it talk like me", [("engines.md", "a recording of 6 to 30 seconds")]),
    (
        "can it google things for me",
        [("engines.md", "SearXNG server whose JSON format"), ("engines.md", "search the web")],
    ),
    ("how many tokens does the mode planning give", [("engines.md", "at most 250 tokens")]),
    ("i'd like a british accent", [("engines.md", "en-gb")]),
    ("it talks too fast, slow down please", [("engines.md", "voice_rate"), ("protocol.md", "voice_rate")]),
    (
        "self test of every component",
        [("engines.md", "loads and uses every engine"), ("troubleshooting.md", "tries every engine")],
    ),
    ("is piper gpl", [("engines.md", "Piper is under the GPL")]),
    (
        "do my documents get reindexed when i switch to e5",
        [
            ("engines.md", "changing it re-indexes"),
            ("configuration.md", "A change embeds all documents again"),
        ],
    ),
    (
        "are the credentials written to the log",
        [("engines.md", "never logged or shown"), ("troubleshooting.md", "Tokens and keys are blacked out")],
    ),
    # Knowledge
    ("get rid of one file again", [("knowledge.md", "DELETE /rag/documents")]),
    ("how long are the pieces my text is chopped into", [("knowledge.md", "500 to 800 characters")]),
    (
        "how much of my paperwork does the model get to read for one answer",
        [("knowledge.md", "at most two thousand tokens")],
    ),
    ("what does it reply when it has no clue", [("knowledge.md", "I did not find that in your documents")]),
    ("ask something without it peeking at my files", [("knowledge.md", "--no-knowledge")]),
    ("where on the hard drive does my stuff end up", [("knowledge.md", "data/knowledge")]),
    ("could a malicious pdf make it misbehave", [("knowledge.md", "data and never an instruction")]),
    (
        "start with our handbook instead of the bundled manual",
        [("knowledge.md", "NEXUS_KNOWLEDGE__SEED"), ("configuration.md", "NEXUS_KNOWLEDGE__SEED")],
    ),
    # Troubleshooting
    (
        "8080 is taken by tomcat",
        [("troubleshooting.md", "Stop the program that uses it"), ("troubleshooting.md", "--port 9000")],
    ),
    ("open it on my phone", [("troubleshooting.md", "--host 0.0.0.0")]),
    ("my mic does nothing", [("troubleshooting.md", "the browser may use the microphone")]),
    (
        "keeps getting my words wrong",
        [
            ("troubleshooting.md", "Speak clearly and near the microphone"),
            ("engines.md", "makes many mistakes"),
        ],
    ),
    (
        "it cuts itself off in the middle of a sentence when i use speakers",
        [("troubleshooting.md", "Use headphones")],
    ),
    ("All lines are busy", [("troubleshooting.md", "as many conversations as it can serve well")]),
    (
        "more verbose output",
        [("troubleshooting.md", "NEXUS_SERVER__LOG=debug"), ("configuration.md", "NEXUS_SERVER__LOG")],
    ),
    ("x-request-id", [("troubleshooting.md", "x-request-id")]),
    ("what should i attach to a bug ticket", [("troubleshooting.md", "nexus-voice doctor --json")]),
    (
        "it ignores a fact that my pdf clearly states",
        [("troubleshooting.md", "Ask with the words that the document uses")],
    ),
    # Services
    (
        "put only the synthesis on a second box",
        [("services.md", "start the server with --role"), ("services.md", "--role tts --port 8083")],
    ),
    ("use my existing chatgpt client against it", [("services.md", "set their base URL")]),
    ("error 429", [("services.md", "refused at once with 429"), ("configuration.md", "refused with 429")]),
    ("live captions while a person talks", [("services.md", "/stt/stream")]),
    ("grafana dashboards scrape what", [("services.md", "Point Prometheus at /metrics")]),
    ("nexus_event_loop_lag_seconds", [("services.md", "how late the event loop ran")]),
    ("does the speech endpoint return aac", [("services.md", "no aac")]),
    (
        "is temperature supported in chat completions",
        [("services.md", "temperature, seed and the like are ignored")],
    ),
    # Configuration
    ("NEXUS_TALK__LEAD", [("configuration.md", "audio is sent ahead")]),
    (
        "it answers before i have finished speaking",
        [("configuration.md", "Silence that ends a turn"), ("start.md", "half a second of silence")],
    ),
    (
        "how many callers at a time",
        [("configuration.md", "Voice sessions at a time"), ("troubleshooting.md", "NEXUS_LIMITS__SESSIONS")],
    ),
    ("NEXUS_FALLBACK__COOLDOWN", [("configuration.md", "How long that is; it doubles")]),
    ("keep my settings in a file", [("configuration.md", "file named .env")]),
    (
        "how do i write down several origins in one variable",
        [("configuration.md", "Lists are JSON"), ("troubleshooting.md", "NEXUS_SERVER__ORIGINS")],
    ),
    ("which is stronger, a flag or the environment", [("configuration.md", "overrides the environment")]),
    ("NEXUS_LLM__GPU_LAYERS", [("configuration.md", "llama.cpp runs on the GPU")]),
    (
        "get rid of the hum of my fan",
        [("configuration.md", "Remove rumble below 200 Hz"), ("configuration.md", "Soften background noise")],
    ),
    (
        "biggest file it takes",
        [("configuration.md", "Largest document in bytes"), ("knowledge.md", "megabytes")],
    ),
    ("NEXUS_STT__WHISPER_THREADS", [("configuration.md", "NEXUS_STT__WHISPER_THREADS")]),
    (
        "wich folder holds the data",
        [("configuration.md", "NEXUS_DATA_DIR"), ("knowledge.md", "data/knowledge")],
    ),
    # Protocol
    (
        "sample rate a client may record with",
        [("protocol.md", "8,000 to 48,000 Hz"), ("protocol.md", "8,000 to 48,000; 16,000 if absent")],
    ),
    ("close code 4009", [("protocol.md", "The conversation goes on in another connection")]),
    (
        "pick up the thread after the wifi dropped",
        [("protocol.md", "the conversation goes on where it stopped")],
    ),
    ("update_context", [("protocol.md", "Background for the following turns")]),
    ("llm_first_token", [("protocol.md", "the first piece of the answer")]),
    (
        "tell the server what has come out of the loudspeaker",
        [("protocol.md", "How much of a turn the user has heard")],
    ),
    (
        "what may still arrive after flush",
        [("protocol.md", "drop what is left"), ("protocol.md", "Drop all sound of this turn")],
    ),
    (
        "what happens to a client that reads too slowly",
        [("protocol.md", "took its messages too slowly"), ("configuration.md", "to accept a message")],
    ),
    ("unduck", [("protocol.md", "the volume may rise again")]),
    ("bytes per sample and byte order of the audio", [("protocol.md", "16 bits, little-endian, mono")]),
    ("4008", [("protocol.md", "took its messages too slowly")]),
    ("barge_in clock", [("protocol.md", "from the beginning of the interruption")]),
]
