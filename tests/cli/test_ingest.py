"""`nexus-voice ingest` against a real server: what it sends, prints, keeps in step and leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from nexus_voice.cli.sources.sync import MAX_BATCH_FILES
from serving import fakes, serving

from .buckets import bucket, s3
from .conftest import Done, Run, Server, Shell

__all__ = ["bucket", "s3"]

WAIT = 60.0
BACKGROUND = ("sh", "-c", "trap '' INT && exec \"$@\"", "sh")
"""Starts a command as a shell without job control starts a background job: with Ctrl-C ignored."""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, shell: Shell) -> Shell:
    """One whose server may fetch pages from this machine."""
    folder = tmp_path_factory.mktemp("ingest")
    more = {"NEXUS_DATA_DIR": str(folder / "data"), "NEXUS_KNOWLEDGE__REACHABLE": '["127.0.0.1"]'}
    return Shell(folder, shell.environment | more)


@pytest.fixture(scope="module")
def server(shell: Shell) -> Iterator[Server]:
    with shell.serving() as running:
        yield running


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def documents(server: Server, source: str) -> dict[str, dict[str, Any]]:
    """What the server has of the sources that begin so, by name."""
    body = httpx.get(f"{server.url}/rag/documents", params={"limit": 1_000}).json()
    return {one["name"]: one for one in body["documents"] if one["source"].startswith(source)}


def newest_job(server: Server) -> dict[str, Any]:
    return httpx.get(f"{server.url}/rag/jobs", params={"limit": 1}).json()["jobs"][0]  # type: ignore[no-any-return]


def test_a_folder_is_kept_in_step(server: Server, tmp_path: Path, run: Run) -> None:
    folder = write(
        tmp_path / "step", tea_md="# Tea\n\nGreen.", a__b_md="# B\n\nBee.", c_txt="Sea.", x_mp3="x"
    )

    def again(*options: str) -> Done:
        return run("ingest", str(folder), "--url", server.url, *options)

    first = again()
    assert first.returncode == 0, first.stderr
    assert f"{folder}/a/b.md: added, 1 passages" in first.stdout
    assert "3 added" in first.stdout
    assert ".mp3 1" in first.stdout
    assert documents(server, "folder:step-").keys() == {"tea.md", "a/b.md", "c.txt"}

    job = newest_job(server)
    second = again()
    assert "3 unchanged" in second.stdout
    assert newest_job(server) == job, "unchanged files are not sent"

    write(folder, tea_md="# Tea\n\nBlack.", d_md="# D\n\nDee.")
    (folder / "a" / "b.md").unlink()
    kept = again("--keep")
    assert f"{folder}/tea.md: updated" in kept.stdout
    assert "1 added, 1 unchanged, 1 updated" in kept.stdout
    assert "a/b.md" in documents(server, "folder:step-")
    assert f"{folder}/a/b.md: deleted" in again().stdout
    assert documents(server, "folder:step-").keys() == {"tea.md", "c.txt", "d.md"}


def test_the_attachments_of_a_mail_stay_and_go_with_it(server: Server, tmp_path: Path, run: Run) -> None:
    folder = write(tmp_path / "mails", note_txt="Two.")
    mail = EmailMessage()
    mail.set_content("See below.")
    mail.add_attachment("The plan.", filename="plan.txt")
    (folder / "offer.eml").write_bytes(bytes(mail))
    for outcome in ("2 added", "2 unchanged"):
        assert outcome in run("ingest", str(folder), "--url", server.url).stdout
        found = documents(server, "folder:mails-")
        assert found.keys() == {"note.txt", "offer.eml", "offer.eml › plan.txt"}
        assert found["offer.eml › plan.txt"]["part_of"] == found["offer.eml"]["id"]
    (folder / "offer.eml").unlink()
    assert "1 deleted" in run("ingest", str(folder), "--url", server.url).stdout
    assert documents(server, "folder:mails-").keys() == {"note.txt"}


def test_a_folder_that_was_emptied_is_not_believed(server: Server, tmp_path: Path, run: Run) -> None:
    folder = write(tmp_path / "mount", a_md="One.", b_md="Two.")
    run("ingest", str(folder), "--url", server.url)
    for path in folder.iterdir():
        path.unlink()
    assert "--delete" in run("ingest", str(folder), "--url", server.url).stdout
    assert len(documents(server, "folder:mount-")) == 2
    assert "2 deleted" in run("ingest", str(folder), "--url", server.url, "--delete").stdout
    assert not documents(server, "folder:mount-")


def test_a_file_touched_without_a_change_is_sent_once(server: Server, tmp_path: Path, run: Run) -> None:
    folder = write(tmp_path / "touched", a_md="One.")
    run("ingest", str(folder), "--url", server.url)
    os.utime(folder / "a.md", (1, 1))
    assert "a.md: unchanged" in run("ingest", str(folder), "--url", server.url).stdout
    job = newest_job(server)
    run("ingest", str(folder), "--url", server.url)
    assert newest_job(server) == job


def test_one_bad_document_does_not_stop_the_others(server: Server, tmp_path: Path, run: Run) -> None:
    folder = write(tmp_path / "mixed", a_md="One.", empty_md="", z_md="Two.")
    done = run("ingest", str(folder), str(folder / "a.md"), "--url", server.url)
    assert done.returncode == 1
    assert f"{folder}/empty.md: " in done.stdout
    assert "2 added, 1 failed" in done.stdout
    assert "a.md: added, 1 passages" in done.stdout.splitlines()
    assert "a.md" in documents(server, "upload")


def test_what_an_older_reader_has_read_is_read_again(
    server: Server, shell: Shell, tmp_path: Path, run: Run
) -> None:
    folder = write(tmp_path / "old", tea_md="# Tea\n\nGreen.")
    run("ingest", str(folder), "--url", server.url)
    (id,) = [one["id"] for one in documents(server, "folder:old-").values()]
    nothing = run("ingest", "--refresh", "--url", server.url)
    assert "No document was read by an older version" in nothing.stdout
    (base,) = Path(shell.environment["NEXUS_DATA_DIR"]).rglob("knowledge.sqlite3")
    with closing(sqlite3.connect(base)) as file, file:
        file.execute("UPDATE documents SET reader = 0 WHERE id = ?", (id,))
    assert httpx.get(f"{server.url}/rag/refresh").json() == {"documents": 1}
    assert "tea.md: updated, 1 passages" in run("ingest", "--refresh", "--url", server.url).stdout
    assert documents(server, "folder:old-")["tea.md"]["id"] == id
    assert run("ingest", "--url", server.url).returncode == 2


def test_many_files_go_in_several_requests(server: Server, tmp_path: Path, run: Run) -> None:
    folder = write(tmp_path / "many", **{f"n{i}_md": f"Number {i}." for i in range(MAX_BATCH_FILES + 1)})
    done = run("ingest", str(folder), "--url", server.url)
    assert f"{MAX_BATCH_FILES + 1} added" in done.stdout, done.stdout
    jobs = httpx.get(f"{server.url}/rag/jobs", params={"limit": 2}).json()["jobs"]
    assert sorted(job["total"] for job in jobs) == [1, MAX_BATCH_FILES]


def test_documents_go_into_the_collection_that_is_named(server: Server, tmp_path: Path, run: Run) -> None:
    file = write(tmp_path, rules_md="No running.") / "rules.md"
    for _ in range(2):
        assert run("ingest", str(file), "--collection", "House", "--url", server.url).returncode == 0
    collections = httpx.get(f"{server.url}/rag/collections").json()["collections"]
    assert [one["documents"] for one in collections if one["name"] == "House"] == [1]


def test_nothing_is_done_about_what_is_not_there(server: Server, run: Run) -> None:
    done = run("ingest", "no-such-place", "--url", server.url)
    assert done.returncode == 1
    assert "no such file or folder" in done.stderr


def test_lines_go_where_standard_output_goes_though_bars_are_shown(
    server: Server, tmp_path: Path, shell: Shell
) -> None:
    folder = write(tmp_path / "piped", a_md="One.")
    command = shell.command("ingest", str(folder), "--url", server.url)
    environment = shell.environment | {"TERM": "xterm-256color"}
    with terminal() as (stderr, screen):
        out = subprocess.check_output(command, env=environment, cwd=shell.folder, stderr=stderr, text=True)
    shown = screen.decode()
    assert f"{folder}/a.md: added, 1 passages" in out
    assert "Documents" in shown
    assert "added" not in shown


@contextmanager
def terminal() -> Iterator[tuple[int, bytearray]]:
    """The file descriptor of a terminal, and everything that was written to it once the block has ended."""
    ours, theirs = os.openpty()
    screen = bytearray()

    def read() -> None:
        with suppress(OSError):  # Linux reports the end of a terminal as an error
            while shown := os.read(ours, 4096):
                screen.extend(shown)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield theirs, screen
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)


# Pages


class Site(ThreadingHTTPServer):
    """Has a page at /tea; whoever asks for /slow waits until `release` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.asked, self.release = threading.Event(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Page(BaseHTTPRequestHandler):
    server: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.asked.set()
            self.server.release.wait(WAIT)
        self.send_response(200 if self.path == "/tea" else 404)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Tea</title><p>Green tea is brewed at eighty degrees.")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site
        site.release.set()
        site.shutdown()
        thread.join()


def test_pages_are_fetched_by_the_server(server: Server, site: Site, run: Run) -> None:
    done = run("ingest", f"{site.url}/tea", f"{site.url}/no", "http://10.0.0.1/", "--url", server.url)
    assert done.returncode == 1
    assert f"{site.url}/tea: added, 1 passages" in done.stdout
    assert "404" in done.stdout
    assert "http://10.0.0.1/: " in done.stdout
    assert documents(server, "url")[f"{site.url}/tea"]["title"] == "Tea"


@pytest.mark.parametrize("start", [(), BACKGROUND], ids=["foreground", "background"])
def test_ctrl_c_cancels_what_is_not_done(
    server: Server, site: Site, shell: Shell, start: tuple[str, ...]
) -> None:
    with talking(shell, "ingest", f"{site.url}/slow", "--url", server.url, start=start) as command:
        assert site.asked.wait(WAIT)
        command.send_signal(signal.SIGINT)
        out, _ = command.communicate(timeout=WAIT)
    assert command.returncode == 130
    assert f"{site.url}/slow: cancelled" in out
    assert newest_job(server)["state"] == "cancelled"


def test_ctrl_c_does_not_wait_for_a_server_that_is_gone(site: Site, shell: Shell, tmp_path: Path) -> None:
    settings = fakes(tmp_path, knowledge={"reachable": ["127.0.0.1"]})
    with ExitStack() as stack:
        with serving(settings) as server:
            command = "ingest", f"{site.url}/slow", "--url", server.url
            ingesting = stack.enter_context(talking(shell, *command))
            assert site.asked.wait(WAIT)
        assert ingesting.stderr
        assert "Waiting" in ingesting.stderr.readline()
        ingesting.send_signal(signal.SIGINT)
        out, _ = ingesting.communicate(timeout=WAIT)
    assert ingesting.returncode == 130
    assert "does not answer" in out


# --watch


@contextmanager
def talking(
    shell: Shell, *words: str, start: tuple[str, ...] = (), **more: str
) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, started by the command `start`, and ended at the end."""
    with subprocess.Popen(
        [*start, *shell.command(*words)],
        cwd=shell.folder,
        env=shell.environment | more | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        patience = threading.Timer(WAIT, process.kill)
        patience.start()
        try:
            yield process
        finally:
            patience.cancel()
            process.kill()


def says(process: subprocess.Popen[str], words: str) -> bool:
    """Whether it prints a line with these words before it ends."""
    assert process.stdout
    return any(words in line for line in process.stdout)


def test_a_watched_folder_is_followed_until_ctrl_c(server: Server, tmp_path: Path, shell: Shell) -> None:
    folder = write(tmp_path / "watched", a_md="One.", bad_md="")
    command = "ingest", str(folder), "--watch", "--every", "1", "--url", server.url
    with talking(shell, *command) as watching:
        assert says(watching, "a.md: added")
        assert says(watching, "Keeping in step")
        write(folder, deep__b_md="Two.")
        assert says(watching, "deep/b.md: added")
        (folder / "a.md").unlink()
        assert says(watching, "a.md: deleted")
        write(folder, bad_md="Better.")
        assert says(watching, "bad.md: added")
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=WAIT)
    assert watching.returncode == 130
    assert documents(server, "folder:watched-").keys() == {"deep/b.md", "bad.md"}


def test_a_server_that_was_away_is_waited_for(tmp_path: Path, shell: Shell) -> None:
    folder = write(tmp_path / "away", a_md="One.")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = fakes(tmp_path)
    with ExitStack() as stack:
        with serving(settings, port=port) as server:
            command = "ingest", str(folder), "--watch", "--every", "1", "--url", server.url
            watching = stack.enter_context(talking(shell, *command))
            assert says(watching, "Keeping in step")
        write(folder, b_md="Two.")
        assert watching.stderr
        assert "Waiting" in watching.stderr.readline()
        with serving(settings, port=port):
            assert says(watching, "b.md: added")


# S3


def test_a_bucket_is_kept_in_step(server: Server, bucket: Any, shell: Shell, run: Run) -> None:
    for key in ("docs/a.md", "docs/b/c.md", "docs/", "docs/song.mp3", "other.md"):
        bucket.put_object(Bucket="documents", Key=key, Body=b"One." if "." in key else b"")
    first = run("ingest", "s3://documents/docs", "--url", server.url)
    assert first.returncode == 0, first.stderr
    assert "s3://documents/docs/b/c.md: added, 1 passages" in first.stdout
    assert ".mp3 1" in first.stdout
    assert documents(server, "s3://documents/docs").keys() == {"a.md", "b/c.md"}
    assert "2 unchanged" in run("ingest", "s3://documents/docs", "--url", server.url).stdout
    bucket.put_object(Bucket="documents", Key="docs/a.md", Body=b"Two.")
    bucket.delete_object(Bucket="documents", Key="docs/b/c.md")
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    command = "ingest", "s3://documents/docs", "--watch", "--every", "1", "--url", server.url
    with talking(shell, *command, **aws) as watching:
        assert says(watching, "a.md: updated")
        assert says(watching, "b/c.md: deleted")
        assert says(watching, "Keeping in step")
        bucket.put_object(Bucket="documents", Key="docs/new.md", Body=b"Three.")
        assert says(watching, "new.md: added")
    bucket.delete_object(Bucket="documents", Key="docs/a.md")
    missing = run("ingest", "s3://nothing-here", "--url", server.url)
    assert missing.returncode == 1
    assert "no such bucket" in missing.stderr
