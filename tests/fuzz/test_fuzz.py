"""A few hundred damaged files of every kind; `scripts/fuzz.py` tries 10,000."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .catalogue import KINDS
from .harness import Tally, Worker, cases_of, fuzz
from .kinds import Outcome
from .mutate import MUTATIONS, mutate

DATA = bytes(range(256)) * 40


def test_the_same_seed_makes_the_same_damage() -> None:
    assert mutate(DATA, random.Random(7)) == mutate(DATA, random.Random(7))
    assert len({mutate(DATA, random.Random(seed)) for seed in range(100)}) == 100


@pytest.mark.parametrize("data", [DATA, DATA[:3], b"x"], ids=["10 KiB", "3 bytes", "1 byte"])
def test_damage_is_never_none(data: bytes) -> None:
    assert all(mutate(data, random.Random(seed)) != data for seed in range(300))


@pytest.mark.parametrize("mutation", set(MUTATIONS), ids=lambda mutation: mutation.__name__)
def test_a_mutation_takes_files_of_any_size(mutation: object) -> None:
    assert callable(mutation)
    for size in (0, 1, 2, 7, 4096, 5000):
        assert isinstance(mutation(DATA[:size], random.Random(size)), bytes)


def test_cases_are_spread_over_the_kinds_and_repeatable() -> None:
    cases = cases_of(["a", "b"], count=5, seed=3)
    assert cases == [("a", 3), ("a", 4), ("a", 5), ("b", 3), ("b", 4)]


@pytest.mark.slow
def test_damaged_files_are_refused_or_read_and_never_crash(tmp_path: Path) -> None:
    tally = fuzz(cases_of(KINDS, count=8 * len(KINDS), seed=0), tmp_path)
    assert not tally.failures, tally.table()
    assert sum(counts.total() for counts in tally.outcomes.values()) == 8 * len(KINDS)
    refusing = [name for name, counts in tally.outcomes.items() if counts[Outcome.REFUSED]]
    assert len(refusing) > len(KINDS) / 2  # else nothing was damaged


def test_strict_reading_without_checksums_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lead_xb.store.scene.require_checksum", lambda path, crc32c: None)
    kind = KINDS["scene strict"](tmp_path)
    outcomes = {kind.try_one(random.Random(seed))[0] for seed in range(40)}
    assert Outcome.WRONG in outcomes


def test_a_worker_that_dies_is_reported_and_replaced(tmp_path: Path) -> None:
    worker, tally = Worker(tmp_path), Tally()
    outcome, detail = worker.ask(("no such kind", 1))
    assert outcome == Outcome.WRONG and "the process ended with 1" in detail and "KeyError" in detail
    tally.add(("manifest strict", 1), *worker.ask(("manifest strict", 1)))
    worker.close()
    assert tally.outcomes["manifest strict"][Outcome.REFUSED] == 1


def test_failures_are_printed_with_the_command_that_repeats_them() -> None:
    tally = Tally()
    tally.add(("lead laz", 12), Outcome.WRONG, "the process ended with -11")
    assert "python scripts/fuzz.py --kind 'lead laz' --seed 12 --count 1\nthe process ended with -11" in tally.table()
