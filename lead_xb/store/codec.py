"""Cells that are packed by us: native values as msgpack, and numeric buffers as zstd."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgpack
import numpy as np
import pyarrow as pa
from jaxtyping import Shaped

from lead_xb.schemas.errors import SchemaError
from lead_xb.store.standins import Standin, standin_type

_LEVEL = 3
_TUPLE, _ARRAY, _SCALAR, _INTEGER, _STANDIN = 1, 2, 3, 4, 5
_OBJECT = "|O"
_DTYPE = re.compile(r"[<>|=](b1|[iu][1248]|f[248]|c8|c16|[SU][0-9]{1,7})")
MAX_CELL_BYTES = 1 << 30
"""A cell that unpacks to more is damaged: no native frame comes near."""
_BLOCK_BYTES = 1 << 20


def pack(value: Any) -> bytes:
    """Native Python and numpy values -> msgpack; types, inf, NaN and tuples survive, equal bits give equal bytes.

    Raises:
        TypeError: a type that no log format of ours contains.
    """
    packed: bytes = msgpack.packb(value, default=_to_ext, strict_types=True, use_bin_type=True)
    return packed


def unpack(data: bytes) -> Any:
    """The inverse of `pack`; SchemaError if the bytes are damaged."""
    try:
        return msgpack.unpackb(data, ext_hook=_from_ext, strict_map_key=False, raw=False)
    except (ValueError, TypeError, KeyError, IndexError, msgpack.UnpackException, RecursionError) as error:
        raise SchemaError(f"a packed cell is damaged ({error!r}); convert the scene again") from error


def pack_native(value: Any) -> bytes:
    """`pack` in a zstd frame."""
    return compress(pack(value))


def unpack_native(data: bytes) -> Any:
    """The inverse of `pack_native`."""
    return unpack(decompress(data))


def compress(data: bytes) -> bytes:
    """One zstd frame."""
    return pa.Codec("zstd", compression_level=_LEVEL).compress(data, asbytes=True)


def decompress(data: bytes, size: int | None = None) -> bytes:
    """The inverse of `compress`; `size` is the plain size where the reader knows it.

    Raises:
        SchemaError: not a zstd frame, not of that size, or of more than `MAX_CELL_BYTES`.
    """
    most = MAX_CELL_BYTES if size is None else size
    if not 0 <= most <= MAX_CELL_BYTES:
        raise SchemaError(f"a packed cell claims {size} bytes; it is damaged, convert the scene again")
    blocks: list[bytes] = []
    left = most + 1  # Arrow allocates what it is asked for, so a claim is met block by block
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            while left and (block := stream.read(min(left, _BLOCK_BYTES))):
                blocks.append(block)
                left -= len(block)
    except (pa.ArrowInvalid, OSError) as error:
        raise SchemaError(f"a packed cell is damaged ({error}); convert the scene again") from error
    plain = b"".join(blocks)
    if len(plain) > most or (size is not None and len(plain) != size):
        raise SchemaError(f"a packed cell has {len(plain)} bytes, expected {size}; convert the scene again")
    return plain


def compress_array(values: Shaped[np.ndarray, " count"]) -> bytes:
    """A one-dimensional array as little-endian bytes in a zstd frame."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return compress(np.ascontiguousarray(little).tobytes())


def decompress_array(data: bytes, dtype: str, count: int) -> Shaped[np.ndarray, " count"]:
    """The inverse of `compress_array`; SchemaError if the size does not match."""
    kind = np.dtype(dtype).newbyteorder("<")
    plain = decompress(data, count * kind.itemsize)
    return np.frombuffer(plain, kind).astype(np.dtype(dtype), copy=False)


def _to_ext(value: Any) -> msgpack.ExtType:
    if isinstance(value, tuple) and type(value) is tuple:
        return msgpack.ExtType(_TUPLE, pack(list(value)))
    if isinstance(value, np.ndarray):
        order: Literal["C", "F"] = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        content = value.ravel(order).tolist() if value.dtype.hasobject else value.tobytes(order)
        return msgpack.ExtType(_ARRAY, pack([value.dtype.str, list(value.shape), order, content]))
    if isinstance(value, np.generic):
        return msgpack.ExtType(_SCALAR, pack([value.dtype.str, value.tobytes()]))
    if type(value) is int:
        return msgpack.ExtType(_INTEGER, str(value).encode())
    if isinstance(value, Standin):
        parts = [value.qualified_name, value.args, value.kwargs, value.state, value.slots]
        return msgpack.ExtType(_STANDIN, pack(parts))
    raise TypeError(f"cannot keep a native value of type {type(value).__module__}.{type(value).__qualname__}")


def _from_ext(code: int, data: bytes) -> Any:
    if code == _INTEGER:
        return int(data.decode())
    content = msgpack.unpackb(data, ext_hook=_from_ext, strict_map_key=False, raw=False)
    if code == _TUPLE:
        return tuple(content)
    if code == _ARRAY:
        kind, shape, order, raw = content
        if kind == _OBJECT:
            return _object_array(shape, order, raw)
        return np.frombuffer(bytearray(raw), _dtype(kind)).reshape(shape, order=order)
    if code == _SCALAR:
        return np.frombuffer(content[1], _dtype(content[0]))[0]
    if code == _STANDIN:
        return _standin(*content)
    raise SchemaError(f"a packed cell has the unknown type {code}; it needs a newer lead_xb")


def _dtype(text: Any) -> np.dtype[Any]:
    # numpy parses structured types, and even Python literals, out of a text: only plain ones are let through.
    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise SchemaError(f"a packed cell has the dtype {text!r}; it is damaged, convert the scene again")
    return np.dtype(text)


def _object_array(shape: list[int], order: Literal["C", "F"], values: list[Any]) -> np.ndarray:
    flat = np.empty(len(values), object)
    flat[:] = values
    return flat.reshape(shape, order=order)


def _standin(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], state: Any, slots: Any) -> Standin:
    standin = standin_type(name)(*args, **kwargs)
    standin.__setstate__((state, slots))
    return standin


def same_bits(left: Any, right: Any) -> bool:
    """Equality of type and bits: NaN equals itself, 0.0 differs from -0.0, 1 from 1.0 and True, list from tuple."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same_bits(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same_bits, left, right))
    if isinstance(left, np.ndarray):
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        return same_bits(left.tolist(), right.tolist()) if left.dtype.hasobject else left.tobytes() == right.tobytes()
    if isinstance(left, np.generic):
        return bool(left.dtype == right.dtype and left.tobytes() == right.tobytes())
    if isinstance(left, float):
        return np.float64(left).tobytes() == np.float64(right).tobytes()
    if isinstance(left, Standin):
        return bool(left.qualified_name == right.qualified_name) and all(
            same_bits(getattr(left, part), getattr(right, part)) for part in ("args", "kwargs", "state", "slots")
        )
    return bool(left == right)
