"""One canonical driving-scene schema, one TransFuser code path, every end-to-end driving benchmark.

`import lead_xb as lx` is cheap: each name below is imported when it is first used.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

for _name in ("adapters", "schemas", "conf", "routes"):
    _link = Path(__file__).parent / _name
    if not _link.is_dir():
        raise ImportError(
            f"{_link} should be a link to ../{_name} but is not: this source tree was unpacked by a tool that drops "
            "symbolic links; use `git clone`, `tar`, or install the wheel"
        )

if TYPE_CHECKING:
    from lead_xb.store.frame import Frame
    from lead_xb.store.maps import Map
    from lead_xb.store.scene import Scene
    from lead_xb.store.store import SceneStore
    from lead_xb.store.store import open_store as open
    from lead_xb.store.writer import SceneWriter, write_scene

__all__ = ["Frame", "Map", "Scene", "SceneStore", "SceneWriter", "open", "write_scene"]

_LAZY = {
    "Frame": ("lead_xb.store.frame", "Frame"),
    "Map": ("lead_xb.store.maps", "Map"),
    "Scene": ("lead_xb.store.scene", "Scene"),
    "SceneStore": ("lead_xb.store.store", "SceneStore"),
    "SceneWriter": ("lead_xb.store.writer", "SceneWriter"),
    "open": ("lead_xb.store.store", "open_store"),
    "write_scene": ("lead_xb.store.writer", "write_scene"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'lead_xb' has no attribute {name!r}; it offers {', '.join(__all__)}")
    module, attribute = _LAZY[name]
    return getattr(importlib.import_module(module), attribute)
