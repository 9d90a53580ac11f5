"""The one way in which lead_xb reads pickles: LEAD metas and boxes, NAVSIM logs and synthetic scenes.

A pickle is a program. Here it can only build plain values: every global that it names is looked up in an
allow-list and resolved to an inert record (`lead_xb.store.standins`), never imported. What it built is then
walked once, which puts numpy arrays in the place of their records and bounds depth and size.

What C code allocates before we see it (a memo index of 2^31) only the process can bound: a worker that
reads files calls `limit_memory` first.
"""

from __future__ import annotations

import gc
import io
import lzma
import pickle
import pickletools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import numpy as np

from lead_xb.schemas.errors import DataError, UnsafePickleError
from lead_xb.store import standins
from lead_xb.store.standins import LEAF_TYPES, ArrayRecord, RefusedError, Standin

MAX_BYTES = 512 * 2**20
MAX_NODES = 5_000_000  # values in the unfolded tree; a NAVSIM log has one per 50 bytes
MAX_DEPTH = 64  # levels; a synthetic scene has 16
_LZMA_MEMORY_BYTES = 128 * 2**20  # xz -9 needs 65 MiB
_STACK_BYTES_PER_TUPLE = 128  # measured: hash() of nested tuples takes 64 B of C stack per level
_TUPLES_ON_ANY_STACK = 8_000
_CONTAINERS = frozenset({dict, list, tuple})
_TUPLE1 = np.uint8(pickle.TUPLE1[0])  # TUPLE2 and TUPLE3 follow it

_MALFORMED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
)
"""What `pickle.Unpickler` and our records raise on bytes that are no pickle of ours."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """What a pickle may name: numpy's arrays and scalars always, and the classes listed here.

    Args:
        standins: fully qualified names that are read as `lead_xb.store.standins.Standin`.
        object_arrays: whether numpy arrays of objects are read, given that all their items are `str`.
    """

    standins: frozenset[str] = frozenset()
    object_arrays: bool = False


NUMPY = AllowList()  # LEAD metas and boxes, NAVSIM logs
NUPLAN = AllowList(standins=standins.NUPLAN_CLASSES)  # NAVSIM synthetic scenes


def loads(data: bytes, *, path: str, allow: AllowList, max_bytes: int = MAX_BYTES) -> Any:
    """Read one pickle (protocol 0 to 5) of plain values.

    Args:
        data: the whole pickle.
        path: the file it comes from, for errors.
        allow: what it may name.
        max_bytes: the largest `data` that is looked at.

    Returns:
        None, bool, int, float, str, bytes, bytearray, numpy scalars, numpy arrays (views of the pickle,
        often read-only), `Standin`, and lists, tuples and dicts of these.

    Raises:
        UnsafePickleError: it names something else, refers to itself, or is too large when unfolded.
        DataError: it is truncated or malformed; `offset` is where reading stopped (protocol 4: a frame's end).
    """
    return _load(data, _Source(path), allow=allow, max_bytes=max_bytes)


def loads_lzma(data: bytes, *, path: str, allow: AllowList, max_bytes: int = MAX_BYTES) -> Any:
    """Read one xz-compressed pickle, as LEAD writes metas and boxes (lead:lead/common/common_utils.py).

    `max_bytes` bounds the pickle after decompression. A stream that is cut, damaged or followed by other
    bytes is a DataError, a larger pickle an UnsafePickleError; everything else is as in `loads`.
    """
    source = _Source(path)
    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY_BYTES)
    try:
        unpacked = decompressor.decompress(data, max_length=max_bytes + 1)
    except lzma.LZMAError as error:
        source.malformed(f"not an intact xz stream ({error})", cause=error)
    except MemoryError as error:
        source.unsafe("the xz stream needs too much memory", cause=error)
    if len(unpacked) > max_bytes:
        source.unsafe(f"the xz stream unpacks to more than {max_bytes} bytes")
    if not decompressor.eof:
        source.malformed("the xz stream is cut off", offset=len(data))
    if rest := len(decompressor.unused_data):
        source.malformed(f"{rest} bytes follow the xz stream", offset=len(data) - rest)
    return _load(unpacked, _Source(path, packed=True), allow=allow, max_bytes=max_bytes)


def limit_memory(limit_bytes: int) -> None:
    """Limit this process's memory, so that a bomb ends as MemoryError, which `loads` reports.

    For worker processes, once, at their start (Linux). Memory-mapped files do not count: a scene may be larger.
    """
    import resource  # Windows has none; the rest of this module works there

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a pickle comes from; raises the errors that name it."""

    path: str
    packed: bool = False

    def unsafe(self, reason: str, *, offset: int | None = None, cause: BaseException | None = None) -> NoReturn:
        advice = "do not open it with pickle.load, delete it and get it again from its publisher"
        raise self._error(UnsafePickleError, f"not a safe pickle: {reason}", offset, advice) from cause

    def malformed(self, reason: str, *, offset: int | None = None, cause: BaseException | None = None) -> NoReturn:
        raise self._error(DataError, reason, offset, "get it again from its publisher") from cause

    def _error(self, kind: type[DataError], reason: str, offset: int | None, advice: str) -> DataError:
        if self.packed and offset is not None:  # the file itself has no such byte
            reason, offset = f"{reason} (byte {offset} of the unpacked pickle)", None
        return kind(self.path, reason, offset=offset, advice=advice)


def _load(data: bytes, source: _Source, *, allow: AllowList, max_bytes: int) -> Any:
    if len(data) > max_bytes:
        source.unsafe(f"it has {len(data)} bytes, expected at most {max_bytes}")
    reader = io.BytesIO(data)
    unpickler = _Unpickler(reader, allow)
    collecting = gc.isenabled()
    gc.disable()  # a log makes 100,000 containers, none of them garbage, and each pass would walk all
    try:
        value = _Settler().settle(_on_deep_stack(unpickler.load, data))
    except RefusedError as error:
        offset = _global_offset(data, unpickler.globals_asked) if unpickler.refused else None
        source.unsafe(str(error), offset=offset, cause=error)
    except (MemoryError, RuntimeError) as error:  # RuntimeError: too deep, or no thread with enough stack
        source.unsafe(f"it needs too much memory or nesting ({type(error).__name__})", cause=error)
    except _MALFORMED as error:
        reason = f"not a readable pickle ({type(error).__name__}: {ascii(str(error))[1:-1][:200]})"
        source.malformed(reason, offset=reader.tell(), cause=error)
    finally:
        if collecting:
            gc.enable()
    if reader.tell() != len(data):
        source.malformed("more bytes follow the pickle", offset=reader.tell())
    return value


class _Unpickler(pickle.Unpickler):
    """The C unpickler with a table in the place of the import system."""

    def __init__(self, reader: io.BytesIO, allow: AllowList) -> None:
        super().__init__(reader)
        self._globals = _globals(allow)
        self.globals_asked = 0
        self.refused = False

    def find_class(self, module_name: str, global_name: str) -> Any:
        """The record that stands for a global; RefusedError for all that the table lacks."""
        self.globals_asked += 1
        record = self._globals.get((module_name, global_name))
        if record is None:
            self.refused = True
            asked = ascii(f"{module_name}.{global_name}")[:200]
            raise RefusedError(f"it asks for {asked}, expected numpy arrays and plain values")
        return record

    def persistent_load(self, pid: object) -> NoReturn:
        """Refuse: no pickle of ours refers to objects outside of it."""
        raise RefusedError("it refers to an object outside of it (persistent id)")


@cache
def _globals(allow: AllowList) -> dict[tuple[str, str], object]:
    """What each allowed (module, name) stands for."""
    found = dict(standins.NUMPY_GLOBALS)
    if allow.object_arrays:
        found["numpy", "dtype"] = standins.ObjectDtypeRecord
    for qualified_name in allow.standins:
        module_name, _, name = qualified_name.rpartition(".")
        found[module_name, name] = standins.standin_type(qualified_name)
    return found


def _global_offset(data: bytes, count: int) -> int | None:
    """The byte offset of the opcode that names the `count`-th global (slow: for errors only)."""
    with suppress(*_MALFORMED):
        for opcode, _, offset in pickletools.genops(data):
            count -= opcode.name in ("GLOBAL", "INST", "STACK_GLOBAL")
            if count == 0:
                return offset
    return None


_stack_size_lock = threading.Lock()


def _on_deep_stack(load: Callable[[], object], data: bytes) -> object:
    """Call `load` on a C stack that a dict key of nested tuples cannot overflow.

    `hash` of a tuple recurses in C without a check: 150,000 levels kill the process. Each level costs an
    opcode, so the opcode bytes in `data` bound the depth; few of them fit on any stack.
    """
    octets = np.frombuffer(data, np.uint8)
    tuples = int(np.count_nonzero(octets - _TUPLE1 < 3) + np.count_nonzero(octets == pickle.TUPLE[0]))
    if tuples <= _TUPLES_ON_ANY_STACK:
        return load()
    with _stack_size_lock:
        previous = threading.stack_size((tuples * _STACK_BYTES_PER_TUPLE // 2**20 + 1) * 2**20)
        try:
            executor = ThreadPoolExecutor(max_workers=1)
            future = executor.submit(load)
        finally:
            threading.stack_size(previous)
    with executor:
        return future.result()


class _Settler:
    """Puts the arrays in the place of their records, level by level, and bounds the tree."""

    def __init__(self) -> None:
        self._nodes = 0

    def settle(self, root: object) -> object:
        """The finished tree; RefusedError if it is too deep, too large when unfolded, or has a cycle."""
        top = [root]
        level: list[Any] = [top]
        for _ in range(MAX_DEPTH):
            if not level:
                return top[0]
            level = self._next_level(level)
        raise RefusedError(f"it is nested deeper than {MAX_DEPTH} levels or refers to itself")

    def _next_level(self, level: list[Any]) -> list[Any]:
        self._count(sum(map(len, level)))
        parts = [part for part in gc.get_referents(*level) if type(part) not in LEAF_TYPES]
        kinds = set(map(type, parts))
        if ArrayRecord in kinds or tuple in kinds:
            self._settle_items(level)
        return parts if kinds <= _CONTAINERS else self._opened(parts)

    def _settle_items(self, level: list[Any]) -> None:
        for container in level:
            if type(container) is tuple:  # settled with the list or dict that holds it
                continue
            for key, part in container.items() if type(container) is dict else enumerate(container):
                if type(part) is ArrayRecord:
                    container[key] = part.array
                elif type(part) is tuple:
                    container[key] = self._settled(part)

    def _opened(self, parts: list[Any]) -> list[Any]:
        containers: list[Any] = []
        for part in parts:
            if type(part) in _CONTAINERS:
                containers.append(part)
            elif isinstance(part, Standin):
                part.args = self._settled(part.args)
                containers += part.args, part.kwargs, part.state, part.slots
            elif type(part) is not ArrayRecord:
                raise RefusedError(f"it holds a {type(part).__name__}, expected plain values")
        return containers

    def _settled(self, part: Any) -> Any:
        """An array for its record, also within tuples, which cannot be changed in place."""
        if type(part) is ArrayRecord:
            return part.array
        if type(part) is not tuple or LEAF_TYPES.issuperset(map(type, part)):
            return part
        self._count(len(part))
        return tuple(map(self._settled, part))

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise RefusedError(f"it unfolds to more than {MAX_NODES} values")
