"""A large folder through the real command into a real server: how much memory each needs, and how long.

The folder is weight with little text, as real ones are: scans, slides, pages with pictures in them. Words
and pictures are made up; the embedder is the fake one, so that the figures are the pipeline's own.
"""

from __future__ import annotations

import base64
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from . import figures, machine
from .voice import PORT

PAGES, WORDS = 3, 120
"""Pages of a PDF, and words of each page. The other documents have as many words."""
PICTURE_SIDE = 1_900
"""Side of a picture of noise in pixels; it has about 6 MB as JPEG."""
POLL_INTERVAL_S = 0.1
"""Seconds between two measurements of the memory."""
QUIET = {"NEXUS_EMBEDDER__KIND": "fake", "NEXUS_LLM__KIND": "fake", "NEXUS_STT__KIND": "fake"}


def words(dice: random.Random, count: int) -> str:
    return " ".join("".join(dice.choices("abcdefghinorstu", k=dice.randint(2, 9))) for _ in range(count))


def fill(folder: Path, most: int) -> int:
    """Write documents of about `most` bytes in all. Returns how many."""
    rl_config.useA85 = 0
    dice, size, count = random.Random(7), 0, 0
    pictures = []
    for index in range(PAGES):
        picture = folder / f".picture-{index}.jpg"
        Image.frombytes("RGB", (PICTURE_SIDE, PICTURE_SIDE), dice.randbytes(3 * PICTURE_SIDE**2)).save(
            picture, quality=95
        )
        pictures.append(picture)
    inline = base64.b64encode(pictures[0].read_bytes()).decode()
    while size < most:
        part = folder / f"{count // 20:03}"
        part.mkdir(exist_ok=True)
        path = part / f"{count:05}.{('pdf', 'html', 'txt')[count % 3]}"
        if path.suffix == ".pdf":
            pdf = Canvas(str(path))
            for picture in pictures:
                pdf.drawImage(str(picture), 50, 50, 400, 400)
                for line in range(10):
                    pdf.drawString(50, 780 - 14 * line, words(dice, WORDS // 10))
                pdf.showPage()
            pdf.save()
        elif path.suffix == ".html":
            path.write_text(f"<p>{words(dice, WORDS)}<img src='data:image/jpeg;base64,{inline}'>")
        else:
            path.write_text("\n\n".join(words(dice, WORDS) for _ in range(20)))
        size, count = size + path.stat().st_size, count + 1
    return count


def once(folder: Path, documents: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "nexus_voice", "ingest", str(folder), "--url"]
    with machine.server(PORT, QUIET, core=None) as server:
        before = machine.resident_bytes([server.pid])
        peaks = {"server": 0, "workers": 0, "command": 0}
        begun = time.perf_counter()
        with (
            TemporaryFile("w+") as out,
            subprocess.Popen([*command, f"http://127.0.0.1:{PORT}"], stdout=out) as process,
        ):
            while process.poll() is None:
                children = machine.family(server.pid)[1:]
                looked = {"server": [server.pid], "workers": children, "command": [process.pid]}
                for name, pids in looked.items():
                    peaks[name] = max(peaks[name], machine.resident_bytes(pids))
                time.sleep(POLL_INTERVAL_S)
            out.seek(0)
            said = out.read()
        took = time.perf_counter() - begun
    if f"{documents} added" not in said:
        raise SystemExit(f"Not all of {documents} documents were taken in:\n{said[-2_000:]}")
    return {
        "documents": documents,
        "seconds": round(took, 1),
        "server_before_mb": round(before / 1e6),
        **{f"{name}_peak_mb": round(peak / 1e6) for name, peak in peaks.items()},
    }


def scan(path: Path, pages: int) -> None:
    """Write a PDF of scanned pages: A4 with 200 dots an inch and 40 lines of print."""
    dice, printed = random.Random(7), list[Image.Image]()
    for _ in range(pages):
        page = Image.new("L", (1_654, 2_339), 255)
        for line in range(40):
            text = words(dice, 12)[:80]
            ImageDraw.Draw(page).text((150, 150 + 50 * line), text, 0, ImageFont.load_default(32))
        printed.append(page)
    printed[0].save(path, "PDF", resolution=200, save_all=True, append_images=printed[1:])


def scans(pages: int, reps: int) -> None:
    with TemporaryDirectory(prefix="nexus-bench-") as folder:
        scan(Path(folder) / "scan.pdf", pages)
        runs = [once(Path(folder), 1) for _ in range(reps)]
    for run in runs:
        run["pages_a_minute"] = round(60 * pages / run["seconds"], 1)
    print("scans:", ", ".join(f"{name} {value}" for name, value in figures.median_of(runs).items()))
    figures.save("scans", [{"pages": pages} | run for run in runs])


def ingest(gigabytes: float, reps: int) -> None:
    with TemporaryDirectory(prefix="nexus-bench-") as folder:
        documents = fill(Path(folder), round(gigabytes * 1e9))
        runs = [once(Path(folder), documents) for _ in range(reps)]
    print("ingest:", ", ".join(f"{name} {value}" for name, value in figures.median_of(runs).items()))
    figures.save("ingest", [{"gigabytes": gigabytes} | run for run in runs])
