"""Short ways to convert a LEAD root and to change a native meta."""

from __future__ import annotations

import lzma
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.store.scene import Scene, open_scene


def convert_only_route(source: Path, out: Path, **options: Any) -> Scene:
    """The scene of a source that holds one route."""
    config = CarlaConfig(source=source, **options)
    (task,) = config.build().tasks()
    task.write(out)
    return open_scene(out, roots=config.build().roots)


def edit_pickle(path: Path, change: Callable[[Any], Any]) -> None:
    """Rewrite a native lzma pickle."""
    value = change(pickle.loads(lzma.decompress(path.read_bytes())))
    path.write_bytes(lzma.compress(pickle.dumps(value)))


def set_key(key: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A change that sets one key of a meta."""
    return lambda meta: {**meta, key: value}


def drop_key(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A change that removes one key of a meta."""
    return lambda meta: {k: v for k, v in meta.items() if k != key}
