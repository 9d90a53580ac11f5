"""Worker processes: what they return, and what a worker that dies takes with it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lead_xb.schemas.errors import DataError, LeadXbError, SchemaError, UnsafePickleError
from lead_xb.store.atomic import WriteError, atomic_write
from lead_xb.store.pool import WORKER_LIMIT_BYTES, Failure, LocalPool

from .golden_routes import ROOT
from .running import run, snapshot
from .toy_source import toys


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spawned workers find this module by the path of their parent."""
    monkeypatch.syspath_prepend(str(ROOT))


def work(item: str) -> str:
    """What workers run: does what the item says."""
    match item.split():
        case ["data"]:
            raise DataError("log.pkl", "is damaged", offset=7, advice="get it again")
        case ["unsafe"]:
            raise UnsafePickleError("log.pkl", "names os.system")
        case ["schema"]:
            raise SchemaError("a cell does not fit")
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["allocate"]:
            bytearray(2 * WORKER_LIMIT_BYTES)
        case ["full", folder]:
            with atomic_write(Path(folder) / "file"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        case ["bug"]:
            raise KeyError("not an error of input")
    return item.upper()


def run_all(*items: str, workers: int = 2) -> dict[str, str | Failure]:
    """All outcomes by item; each item must be yielded once."""
    outcomes = list(LocalPool(workers).run(work, items, str))
    assert sorted(item for item, _ in outcomes) == sorted(items)
    return dict(outcomes)


def test_errors_of_input_are_failures_and_the_rest_goes_on() -> None:
    outcomes = run_all("data", "unsafe", "schema", "allocate", "fine")
    assert outcomes["fine"] == "FINE"
    assert outcomes["data"] == Failure(id="data", file="log.pkl", offset=7, reason="is damaged", advice="get it again")
    assert outcomes["schema"] == Failure(id="schema", file="", offset=None, reason="a cell does not fit", advice="")
    reasons = {item: outcome.reason for item, outcome in outcomes.items() if isinstance(outcome, Failure)}
    assert reasons["unsafe"] == "names os.system"
    assert reasons["allocate"] == f"needs more than the {WORKER_LIMIT_BYTES >> 30} GiB that a worker may use"


def test_a_killed_worker_takes_only_its_own_item() -> None:
    outcomes = run_all("a", "kill", "b")
    killed = outcomes.pop("kill")
    assert isinstance(killed, Failure) and "the worker process died" in killed.reason
    assert outcomes == {item: item.upper() for item in "ab"}


def test_a_disk_failure_ends_the_run_and_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=f"{tmp_path}/file: cannot be written \\(No space left on device\\)"):
        run_all(f"full {tmp_path}", "a", workers=1)


def test_a_bug_ends_the_run() -> None:
    with pytest.raises(KeyError, match="not an error of input"):
        run_all("bug", workers=1)


def test_no_workers_are_refused() -> None:
    with pytest.raises(LeadXbError, match="workers=0; expected a number from 1, or null"):
        run_all("a", workers=0)


def test_nothing_to_do_starts_no_process() -> None:
    assert run_all() == {}


def test_a_killed_worker_quarantines_its_own_log(tmp_path: Path) -> None:
    source = toys(tmp_path / "native", ash="rows 2", elm="killed", fir="rows 1")
    report = run(source, tmp_path / "store", pool=LocalPool(2))
    assert [failure.id for failure in report.failures] == ["elm"]
    assert sorted(entry.id for entry in report.written) == ["ash", "fir"]
    assert not [name for name in snapshot(tmp_path / "store") if name.endswith(".partial")]


def test_a_log_whose_worker_was_killed_by_others_is_tried_again(tmp_path: Path) -> None:
    source = toys(tmp_path / "native", fir="killed once")
    report = run(source, tmp_path / "store", pool=LocalPool(1))
    assert [entry.id for entry in report.written] == ["fir"] and report.dataset.complete


SLEEP = "from tests.store.test_pool import sleep_in_workers"


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"{SLEEP}\nsleep_in_workers()"]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    workers = list(_workers_of(parent))
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=10.0)
    assert len(workers) == 2 and alive == []


def test_ctrl_c_ends_workers_without_a_traceback() -> None:
    command = [sys.executable, "-c", f"{SLEEP}\ntry: sleep_in_workers()\nexcept KeyboardInterrupt: pass"]
    pipe = subprocess.PIPE
    parent = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    workers = list(_workers_of(parent))
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.wait(timeout=30.0) == 0
    assert parent.stderr is not None and parent.stderr.read() == ""
    assert psutil.wait_procs(workers, timeout=10.0)[1] == []


def nap(seconds: float) -> float:
    """A long task."""
    sys.stdout.write("asleep\n")
    sys.stdout.flush()
    time.sleep(seconds)
    return seconds


def sleep_in_workers() -> None:
    """What the killed parent runs."""
    list(LocalPool(2).run(nap, [60.0, 60.0], str))


def _workers_of(parent: subprocess.Popen[str]) -> Iterator[psutil.Process]:
    assert parent.stdout is not None
    assert [parent.stdout.readline() for _ in range(2)] == ["asleep\n"] * 2
    for child in psutil.Process(parent.pid).children():
        if "spawn_main" in " ".join(child.cmdline()):
            yield child


def test_a_worker_may_map_a_file_that_is_larger_than_its_memory(tmp_path: Path) -> None:
    """A scene of many gigabytes is indexed like any other; only what is allocated counts."""
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(6 << 30)
    code = (
        "import sys, psutil, pyarrow as pa; from lead_xb.store.unpickle import limit_memory\n"
        "limit_memory(psutil.Process().memory_info().data + (1 << 30))\n"
        "mapped = pa.memory_map(sys.argv[1]); assert mapped.size() == 6 << 30 and mapped.read_buffer(5 << 30).size\n"
        "try: bytearray(2 << 30)\n"
        "except MemoryError: print('limited')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(large)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "limited", done.stderr
