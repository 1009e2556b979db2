"""An XTTS v2 checkpoint with random weights, as coqui-tts reads it: it hums, the same length for any text.

Needs coqui-tts and torch, so the tests leave it alone: see `scripts/try_xtts.py`.
"""

from __future__ import annotations

from pathlib import Path

TOKENS, TOKEN = 64, 1024 / 22_050
"""How many pieces of sound the model generates for a text, and how many seconds each of them lasts."""
TINY, REAL = (2, 128), (30, 1024)
"""Layers and width of the transformer. The vocoder has one size: it makes up most of the tiny 100 MB."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"


def build(folder: Path, size: tuple[int, int] = TINY) -> Path:
    """Writes config.json, model.pth and vocab.json into `folder`, which it returns."""
    import torch
    from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig
    from TTS.tts.models.xtts import Xtts

    folder.mkdir(parents=True, exist_ok=True)
    layers, width = size
    args = XttsArgs(
        gpt_layers=layers,
        gpt_n_model_channels=width,
        gpt_n_heads=width // 64,
        gpt_max_audio_tokens=TOKENS + 3,
        gpt_use_perceiver_resampler=True,
        decoder_input_dim=width,
    )
    config = XttsConfig(model_args=args, gpt_cond_len=30)
    config.save_json(str(folder / "config.json"))
    vocabulary(folder / "vocab.json", config.languages)

    torch.manual_seed(0)
    model = Xtts(config)
    model.tokenizer = type(model.tokenizer)(folder / "vocab.json")
    model.init_models()
    with torch.no_grad():
        model.gpt.mel_head.bias[args.gpt_stop_audio_token] = -1e4  # else a text's length would be chance
    # The published checkpoint holds its configuration, pickled where the classes lived at the time.
    homes = {kind: kind.__module__ for kind in (XttsArgs, XttsAudioConfig)}
    for kind in homes:
        kind.__module__ = Xtts.__module__
    torch.save({"config": config, "model": model.state_dict()}, folder / "model.pth")
    for kind, home in homes.items():
        kind.__module__ = home
    return folder


def vocabulary(file: Path, languages: list[str]) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    special = ["[STOP]", "[UNK]", "[SPACE]", *(f"[{name}]" for name in languages), "[START]"]
    symbols = {symbol: id for id, symbol in enumerate([*special, *LETTERS])}
    tokenizer = Tokenizer(models.BPE(symbols, [], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(file))
