"""Pickles are read as data: values as they were written, and nothing that they ask for besides."""

from __future__ import annotations

import copyreg
import gc
import lzma
import pickle
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lead_xb.schemas.errors import DataError, UnsafePickleError
from lead_xb.store.unpickle import NUMPY, NUPLAN, loads, loads_lzma
from tests.store import pickle_corpus as corpus

ROOT = Path(__file__).parents[2]
SMALL = pickle.dumps({"boxes": np.array(["car", "bus"]), "speed": np.float32(3), "names": ["a", (1, 2.5)]}, 4)


def read(data: bytes) -> Any:
    return loads(data, path="log.pkl", allow=NUMPY)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back_with_their_types(protocol: int) -> None:
    plain: dict[Any, Any] = {
        "numbers": [0, -1, 2**70, 1.5, float("inf"), True, None],
        "nested": {3: ("a", ["é\n\\u", ()])},
        (1, "b"): [],
    }
    assert repr(read(pickle.dumps(plain, protocol))) == repr(plain)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len({exploit.name for exploit in corpus.EXPLOITS}) >= 28
    assert len({bomb.name for bomb in corpus.BOMBS}) >= 11


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "xz"])
@pytest.mark.parametrize("exploit", corpus.EXPLOITS, ids=lambda exploit: exploit.name)
def test_an_exploit_is_refused_without_effect(exploit: corpus.Exploit, packed: bool, tmp_path: Path) -> None:
    data = exploit.build(tmp_path / "marker")
    for allow in (NUMPY, replace(NUPLAN, object_arrays=True)):
        with pytest.raises(DataError, match=r"log\.pkl"):
            if packed:
                loads_lzma(lzma.compress(data), path="log.pkl", allow=allow)
            else:
                loads(data, path="log.pkl", allow=allow)
    assert not (tmp_path / "marker").exists()


def test_an_exploit_by_a_registered_extension_is_refused() -> None:
    copyreg.add_extension("os", "system", 1)
    try:
        with pytest.raises(UnsafePickleError, match=r"asks for 'os\.system'"):
            read(corpus.pickled(corpus.call(b"\x82\x01", corpus.value("true"))))
    finally:
        copyreg.remove_extension("os", "system", 1)


def test_plain_pickle_falls_for_the_live_exploits(tmp_path: Path) -> None:
    """The control: the corpus is not refused because it is broken."""
    script = """
import contextlib, pathlib, pickle, sys, time, warnings
from tests.store.pickle_corpus import EXPLOITS
warnings.simplefilter("ignore")
live = [exploit for exploit in EXPLOITS if exploit.live]
markers = [pathlib.Path(sys.argv[1], str(number)) for number, _ in enumerate(live)]
for exploit, marker in zip(live, markers, strict=True):
    with contextlib.suppress(Exception):
        pickle.loads(exploit.build(marker))
time.sleep(0.5)
sys.exit(repr([e.name for e, marker in zip(live, markers, strict=True) if not marker.exists()]))
"""
    done = _child(script, str(tmp_path))
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("bomb", corpus.BOMBS, ids=lambda bomb: bomb.name)
def test_a_bomb_ends_as_an_error_within_1_gib(bomb: corpus.Bomb) -> None:
    script = """
import sys, time
from lead_xb.schemas.errors import DataError
from lead_xb.store.unpickle import NUPLAN, limit_memory, loads
from tests.store.pickle_corpus import BOMBS
[data] = [bomb.build() for bomb in BOMBS if bomb.name == sys.argv[1]]
limit_memory(2**30)
started = time.monotonic()
try:
    loads(data, path="bomb.pkl", allow=NUPLAN)
except DataError as error:
    print(f"{time.monotonic() - started:.1f} {error}")
"""
    done = _child(script, bomb.name)
    assert done.returncode == 0, done.stderr
    seconds, _, message = done.stdout.partition(" ")
    assert float(seconds) < 10
    assert message.startswith("bomb.pkl")


def _child(script: str, argument: str) -> subprocess.CompletedProcess[str]:
    """Run `script` in a process of its own that can import the tests."""
    command = [sys.executable, "-c", script, argument]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def test_an_xz_bomb_stops_at_the_bound() -> None:
    with pytest.raises(UnsafePickleError, match="unpacks to more than 1048576 bytes"):
        loads_lzma(lzma.compress(bytes(2**24), preset=0), path="meta.pkl", allow=NUMPY, max_bytes=2**20)


def test_a_pickle_above_the_bound_is_not_read() -> None:
    with pytest.raises(UnsafePickleError, match="it has 104 bytes, expected at most 100"):
        loads(pickle.dumps("x" * 89, 4), path="log.pkl", allow=NUMPY, max_bytes=100)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda stream: stream[:-1], r"meta\.pkl \(byte \d+\): the xz stream is cut off"),
        (lambda stream: stream + b"\0" * 4, r"meta\.pkl \(byte \d+\): 4 bytes follow the xz stream"),
        (lambda stream: stream[:30] + b"\xff" + stream[31:], "not an intact xz stream"),
        (lambda stream: b"", "the xz stream is cut off"),
        (lambda stream: lzma.compress(b"\x80\x04]]"), r"meta\.pkl: .*\(byte 4 of the unpacked pickle\)"),
    ],
)
def test_a_damaged_xz_stream_is_refused(damage: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        loads_lzma(damage(lzma.compress(pickle.dumps([1, 2]))), path="meta.pkl", allow=NUMPY)


def test_an_intact_xz_stream_is_read() -> None:
    assert loads_lzma(lzma.compress(pickle.dumps([1, 2])), path="meta.pkl", allow=NUMPY) == [1, 2]


def test_every_truncation_is_an_error() -> None:
    for length in range(len(SMALL)):
        with pytest.raises(DataError):
            read(SMALL[:length])


def test_damaged_bytes_give_a_value_or_our_error() -> None:
    rng = random.Random(0)
    refused = 0
    for _ in range(500):
        damaged = bytearray(SMALL)
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            read(bytes(damaged))
        except DataError:
            refused += 1
    assert 100 < refused < 500


def test_an_error_names_the_file_the_place_the_reason_and_what_to_do() -> None:
    with pytest.raises(UnsafePickleError) as caught:
        read(corpus.pickled(corpus.value([1]) + b"cos\nsystem\n"))
    assert caught.value.offset == 8
    assert str(caught.value) == (
        "log.pkl (byte 8): not a safe pickle: it asks for 'os.system', expected numpy arrays and plain values; "
        "do not open it with pickle.load, delete it and get it again from its publisher"
    )


@pytest.mark.parametrize("collecting", [True, False])
def test_reading_leaves_the_process_as_it_was(collecting: bool) -> None:
    stack_size = threading.stack_size()
    was_collecting = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        read(SMALL)
        with pytest.raises(UnsafePickleError):
            read(corpus.pickled(b")" + b"\x85" * 20_000))
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if was_collecting else gc.disable)()
    assert threading.stack_size() == stack_size


def test_many_tuples_are_no_offence() -> None:
    lights = [(number, (number % 2 == 0, 1)) for number in range(20_000)]
    assert read(pickle.dumps(lights, 4)) == lights


def test_limit_memory_makes_a_large_allocation_fail() -> None:
    script = "import sys; from lead_xb.store.unpickle import limit_memory; limit_memory(2**30); bytearray(2**31)"
    assert "MemoryError" in _child(script, "").stderr
