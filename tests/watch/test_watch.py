"""A watch: nothing that was acknowledged is lost, nothing is read or sent twice."""

import io
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")

import grounded
from grounded.dicom.pacs.address import Address
from grounded.dicom.pacs.archive import Sent
from grounded.errors import ArchiveError, ConfigError
from grounded.watch.config import Rule, WatchConfig
from grounded.watch.intake import BROKEN, FULL, STORED, Intake
from grounded.watch.queue import Queue, State
from grounded.watch.run import Watch, status_of
from grounded.watch.work import read_film

NOWHERE = Address.parse("dicom://PACS@127.0.0.1:1")
SETTINGS = """
folder = "state"
to = "dicom://PACS@127.0.0.1:1"
port = 0
quiet_seconds = 0
preset = "baseline"
formats = ["sr.dcm"]
least_free_mb = 0
"""


@pytest.fixture
def config(tmp_path: Path) -> WatchConfig:
    (tmp_path / "watch.toml").write_text(SETTINGS, encoding="utf-8")
    return WatchConfig.read(tmp_path / "watch.toml")


@pytest.fixture
def queue(config: WatchConfig) -> Queue:
    return Queue(config.folder / "state.sqlite")


@pytest.fixture
def intake(config: WatchConfig, queue: Queue) -> Intake:
    return Intake(config, queue)


@pytest.fixture(scope="module")
def reporter():
    return grounded.load("baseline")


def read_all(queue, config, reporter) -> None:
    while film := queue.take(os.getpid(), config.quiet_seconds):
        read_film(film, queue, config, reporter)


def test_a_film_that_was_acknowledged_is_read_and_written(
    config, queue, intake, film, reporter
) -> None:
    assert intake.take(film()) == STORED
    read_all(queue, config, reporter)
    [done] = queue.films()
    assert done.state is State.WRITTEN
    assert (config.folder / "results" / done.instance_uid / "report.sr.dcm").is_file()
    assert [step for _, step, _ in queue.steps(done.instance_uid)] == [
        "received",
        "reading",
        "written",
    ]


def test_a_duplicate_is_acknowledged_and_not_read_again(
    config, queue, intake, film, reporter
) -> None:
    data = film()
    assert intake.take(data) == STORED
    read_all(queue, config, reporter)
    assert intake.take(data) == STORED
    assert queue.take(1, 0) is None
    assert len(queue.films()) == 1


def test_what_is_no_film_is_not_acknowledged(queue, intake) -> None:
    assert intake.take(b"nothing") == BROKEN
    assert intake.take(b"\0" * 200) == BROKEN
    assert queue.films() == []


def test_a_damaged_film_is_listed_with_the_reason(config, queue, intake, film, reporter) -> None:
    data = film()
    assert intake.take(data[:-5000]) == STORED
    assert intake.take(film(BodyPartExamined="FOOT")) == STORED
    read_all(queue, config, reporter)
    assert [item.state for item in queue.films()] == [State.FAILED, State.FAILED]
    printed = status_of(config)
    assert "body part 'FOOT'" in printed
    assert printed.count("failed: ") == 2
    assert "SECRET77" not in printed


def test_a_study_is_read_when_it_has_been_quiet(queue, intake, film) -> None:
    intake.take(film())
    assert queue.take(1, 60) is None
    assert queue.take(1, 0) is not None


def test_a_film_belongs_to_one_worker(queue, intake, film) -> None:
    for _ in range(8):
        intake.take(film())
    taken: list[str] = []

    def work(number: int) -> None:
        while found := queue.take(number, 0):
            taken.append(found.instance_uid)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 8


def test_a_film_that_crashes_its_worker_is_tried_again_and_then_given_up(queue, intake, film):
    intake.take(film())
    for tries in (1, 2, 3):
        assert queue.take(77, 0).tries == tries - 1
        queue.free({77}, 3)
    [given_up] = queue.films()
    assert given_up.state is State.FAILED
    assert "crash 3 times" in given_up.reason


def test_a_watch_that_was_killed_counts_no_crash(queue, intake, film) -> None:
    intake.take(film())
    for _ in range(5):
        assert queue.take(77, 0).tries == 0
        queue.resume()
    assert queue.films()[0].state is State.WAITING


def test_a_worker_of_before_cannot_change_what_another_reads(queue, intake, film) -> None:
    intake.take(film())
    uid = queue.take(77, 0).instance_uid
    queue.resume()
    queue.take(88, 0)
    queue.move(uid, State.FAILED, "late", worker=77)
    assert queue.films()[0].state is State.READING
    queue.move(uid, State.WRITTEN, worker=88)
    assert queue.films()[0].state is State.WRITTEN


def test_after_a_kill_half_files_go_and_whole_ones_are_noted(config, queue, intake, film) -> None:
    import pydicom

    data = film()
    uid = str(pydicom.dcmread(io.BytesIO(data)).SOPInstanceUID)
    (intake.folder / f"{uid}.dcm").write_bytes(data)
    (intake.folder / f".{'0' * 16}.grounded").write_bytes(data[:100])
    Intake(config, queue).recover()
    assert [item.instance_uid for item in queue.films()] == [uid]
    assert [path.name for path in intake.folder.iterdir()] == [f"{uid}.dcm"]


def test_a_sender_waits_while_too_many_films_wait_or_the_disk_is_full(config, queue, film) -> None:
    few = Intake(replace(config, most_waiting=1), queue)
    assert few.take(film()) == STORED
    assert few.take(film()) == FULL
    full = Intake(replace(config, least_free_mb=10**9), queue)
    assert full.take(film()) == FULL
    assert len(queue.films()) == 1


def test_a_disk_that_fills_up_while_a_film_is_read_fails_no_film(
    config, queue, intake, film, reporter, monkeypatch
) -> None:
    import errno

    from grounded.errors import ReportError

    def full(path, data):
        raise ReportError("cannot write") from OSError(errno.ENOSPC, "No space left")

    intake.take(film())
    monkeypatch.setattr("grounded.watch.work.write_whole", full)
    read_film(queue.take(os.getpid(), 0), queue, config, reporter)
    [waiting] = queue.films()
    assert (waiting.state, waiting.reason) == (State.WAITING, "the disk is full")


def test_rules_decide_by_station_body_part_and_view(config, queue, film) -> None:
    rules = (Rule(station="TRAUMA*", action="leave"), Rule(body_part="CHEST", view="PA"))
    intake = Intake(replace(config, rules=rules), queue)
    intake.take(film(StationName="TRAUMA1"))
    intake.take(film(StationName="ROOM2", ViewPosition="AP"))
    intake.take(film(StationName="ROOM2"))
    assert [(item.state, item.reason) for item in queue.films()] == [
        (State.LEFT, "a rule leaves it out"),
        (State.LEFT, "no rule fits it"),
        (State.WAITING, ""),
    ]


def test_our_own_results_are_not_taken_for_films(queue, intake, reported) -> None:
    from grounded.export.exporters import export

    assert intake.take(export(reported, "sc.dcm")) == STORED
    assert queue.films() == []


class Pacs:
    """An archive that is down for a while."""

    def __init__(self, down: int) -> None:
        self.down, self.sent = down, []

    def send(self, files, *, again: bool = False) -> Sent:
        if self.down:
            self.down -= 1
            raise ArchiveError("it cannot be reached")
        self.sent += files
        return Sent(len(files))


def test_a_pacs_that_is_down_gets_everything_later_and_once(
    tmp_path, config, queue, intake, film, reporter
) -> None:
    for _ in range(2):
        intake.take(film())
    read_all(queue, config, reporter)
    watch = Watch(tmp_path / "watch.toml")
    watch.pacs = pacs = Pacs(down=2)
    watch.stopped.set()  # no waiting between turns
    watch.send()
    assert "not sent" in status_of(config)
    for item in queue.films():
        queue.later(item, State.SENDING, "", 0)
    watch.send()
    watch.send()
    assert len(pacs.sent) == 2
    assert {item.state for item in queue.films()} == {State.SENT}


def test_what_is_done_stands_in_the_ledger(tmp_path, config, queue, intake, film, reporter) -> None:
    import json

    intake.take(film())
    intake.take(film(BodyPartExamined="FOOT"))
    read_all(queue, config, reporter)
    watch = Watch(tmp_path / "watch.toml")
    watch.pacs = Pacs(down=0)
    watch.stopped.set()
    watch.send()
    watch.list_done()
    lines = (config.folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["status"] for line in lines) == ["failed", "reported"]
    watch.list_done()
    assert len((config.folder / "manifest.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "text",
    ["", 'folder = "x"', SETTINGS + "unknown = 1", SETTINGS.replace("sr.dcm", "html"),
     SETTINGS + "[[rule]]\naction = 'burn'"],
)  # fmt: skip
def test_a_configuration_with_a_mistake_is_refused(tmp_path, text) -> None:
    (tmp_path / "watch.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"watch\.toml"):
        WatchConfig.read(tmp_path / "watch.toml")
