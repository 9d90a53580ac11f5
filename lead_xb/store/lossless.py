"""Nothing is lost: what the typed columns do not give back bit for bit is kept beside them, and only that.

An adapter rebuilds the native objects of a row from its typed columns as well as it can. `difference` finds what
is then still wrong, by type and bits; `apply` mends it. The patch is what the `extra` column holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lead_xb.schemas.errors import SchemaError
from lead_xb.store.codec import compress, decompress, pack, same_bits, unpack


class _Missing:
    """Holds the place of a key whose value no column has, so that the order of keys still comes out right."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
ORDER = "\0order"
_VALUE, _DICT, _LIST = "v", "d", "l"

Patch = list[Any]
"""["v", value] | ["d", {key: patch}, order or None] | ["l", {index: patch}]"""


def difference(native: Any, rebuilt: Any) -> Patch | None:
    """What turns `rebuilt` into `native`; None if they are equal in type and bits."""
    if isinstance(native, dict) and isinstance(rebuilt, dict):
        return _dict_difference(native, rebuilt)
    if type(native) is list and type(rebuilt) is list and len(native) == len(rebuilt):
        if any(isinstance(item, dict) for item in native):
            parts = {i: d for i, (a, b) in enumerate(zip(native, rebuilt, strict=True)) if (d := difference(a, b))}
            return [_LIST, parts] if parts else None
    return None if same_bits(native, rebuilt) else [_VALUE, native]


def apply(rebuilt: Any, patch: Patch | None) -> Any:
    """The inverse of `difference`; SchemaError if the patch does not fit."""
    if patch is None:
        return rebuilt
    try:
        if patch[0] == _VALUE:
            return patch[1]
        if patch[0] == _LIST:
            return [apply(item, patch[1].get(i)) for i, item in enumerate(rebuilt)]
        merged = {**rebuilt, **{key: apply(rebuilt.get(key), part) for key, part in patch[1].items()}}
        order = patch[2] if patch[2] is not None else list(merged)
        return {key: merged[key] for key in order}
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise SchemaError(f"the extra column is damaged ({error!r}); convert the scene again") from error


def _dict_difference(native: dict[Any, Any], rebuilt: dict[Any, Any]) -> Patch | None:
    parts = {}
    for key, value in native.items():
        if part := difference(value, rebuilt.get(key, MISSING)):
            parts[key] = part
    order = None if [*rebuilt, *(k for k in native if k not in rebuilt)] == list(native) else list(native)
    return [_DICT, parts, order] if parts or order is not None else None


def row_extra(native: dict[str, Any], rebuilt: dict[str, Any]) -> dict[str, Any]:
    """The leftovers of one row: {key: patch}, and the key order where it is needed."""
    patch = _dict_difference(native, rebuilt)
    if patch is None:
        return {}
    return dict(patch[1]) if patch[2] is None else {**patch[1], ORDER: patch[2]}


def restore(rebuilt: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The native objects of a row from its rebuilt columns and its leftovers."""
    parts = {key: part for key, part in extra.items() if key != ORDER}
    restored: dict[str, Any] = apply(rebuilt, [_DICT, parts, extra.get(ORDER)])
    return restored


class ExtraPacker:
    """Packs the leftovers of each row as the difference to those of the first row.

    `scene` goes into the scene's metadata, so that what never changes (calibration, weather, town) is kept once.
    Values are packed one by one: equal bytes are equal values, and a reader can unpack a single key.
    """

    def __init__(self, first_row: Mapping[str, Any]) -> None:
        self._first = {key: pack(value) for key, value in first_row.items()}
        self.scene = compress(pack(self._first))

    def pack(self, row: Mapping[str, Any]) -> bytes | None:
        """The `extra` cell of a row; None if it equals the first row's."""
        packed = {key: pack(value) for key, value in row.items()}
        changed = {key: value for key, value in packed.items() if self._first.get(key) != value}
        unset = [key for key in self._first if key not in packed]
        return compress(pack([changed, unset])) if changed or unset else None


def unpack_extra(scene: bytes, row: bytes | None) -> dict[str, Any]:
    """The leftovers of a row from the scene's and its own; SchemaError if a cell is damaged."""
    values = unpack(decompress(scene)) if scene else {}
    if row is not None:
        changed, unset = _row_parts(unpack(decompress(row)))
        values = {key: value for key, value in values.items() if key not in unset} | changed
    if not isinstance(values, dict) or not all(isinstance(value, bytes) for value in values.values()):
        raise SchemaError("the extra column is damaged; convert the scene again")
    return {key: unpack(value) for key, value in values.items()}


def _row_parts(parts: Any) -> tuple[dict[str, bytes], set[str]]:
    match parts:
        case [dict() as changed, list() as unset]:
            return changed, set(map(str, unset))
    raise SchemaError("the extra column is damaged; convert the scene again")
