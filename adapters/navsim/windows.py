"""The windows of a scene filter in each log, read by workers: what only whole logs can tell before a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lead_xb.adapters.navsim.catalogue import LogFile
from lead_xb.adapters.navsim.filters import read_filter
from lead_xb.adapters.navsim.logs import read_log
from lead_xb.store.pool import Failure, Pool


@dataclass(frozen=True, slots=True)
class Windows:
    """Kept windows of one log: the tokens of their last frames, in order."""

    final_tokens: tuple[str, ...]


def kept_windows(logs: Mapping[str, LogFile], filter_path: Path, pool: Pool) -> dict[str, Windows]:
    """Log name -> windows, in the order of the names, up to the log in which the filter's `max_scenes` is reached.

    A log that cannot be read has none; its own task says why.
    """
    left = read_filter(filter_path).max_scenes
    names = {log.path: name for name, log in logs.items()}
    waiting, read, kept = list(logs), {}, {}
    for (path, _), outcome in pool.run(read_windows, [(path, filter_path) for path in names], _file_name):
        read[names[path]] = () if isinstance(outcome, Failure) else outcome.final_tokens
        while waiting and waiting[0] in read and left != 0:
            name = waiting.pop(0)
            kept[name] = Windows(read[name][:left])
            left = None if left is None else left - len(kept[name].final_tokens)
        if left == 0:
            break
    return kept


def read_windows(item: tuple[Path, Path]) -> Windows:
    """The windows of one log, without the maximum; for workers, whose memory is limited."""
    path, filter_path = item
    chosen, frames = read_filter(filter_path), read_log(path)
    tokens = [frame.text("token") for frame in frames]
    rows = chosen.current_rows(tokens, [bool(frame.texts("roadblock_ids")) for frame in frames])
    return Windows(tuple(tokens[row + chosen.num_future_frames] for row in rows))


def _file_name(item: tuple[Path, Path]) -> str:
    return item[0].stem
