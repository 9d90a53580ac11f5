"""Frame: one row of a scene, stored or live. Nothing is decoded before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64, Shaped, UInt8

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.rig import Rig
from lead_xb.schemas.scene import FIXED_COLUMNS, SceneMeta
from lead_xb.schemas.sensors import IMAGE_GROUPS, POINT_GROUPS, group_of
from lead_xb.store.boxes import Boxes
from lead_xb.store.cells import cell
from lead_xb.store.frames import invert, pose_to_matrix, transform_points
from lead_xb.store.images import decode_codes, decode_depth, decode_rgb
from lead_xb.store.lossless import unpack_extra
from lead_xb.store.payload import Roots, payload_bytes, read_reference
from lead_xb.store.pcd import read_cloud
from lead_xb.store.points import Cloud, NativeCloud, cloud_in_ego, unpack_points

NULLABLE_COLUMNS = frozenset(column.name for column in FIXED_COLUMNS if column.nullable)


@dataclass(frozen=True)
class Frame:
    """One recorded instant. It holds encoded images and quantised points, and decodes on request.

    Attributes:
        batch: record batch that holds the row.
        row: row inside the batch.
        meta: metadata of the scene.
        scene_row: row inside the scene.
        roots: folders of referenced payloads.
        strict: referenced bytes must have the SHA-256 that was recorded.
    """

    batch: pa.RecordBatch
    row: int
    meta: SceneMeta
    scene_row: int
    roots: Roots
    strict: bool = False

    @property
    def token(self) -> str:
        """Native token, unique in the store."""
        return str(self["frame.token"])

    @property
    def timestamp_us(self) -> int:
        """Time of the row, us."""
        return int(self["frame.timestamp_us"])

    @cached_property
    def rig(self) -> Rig:
        """Sensors of this row: the scene's, unless the source changed them here."""
        own = self["frame.rig"]
        return self.meta.rig if own is None else Rig.from_json(own)

    def __getitem__(self, column: str) -> Any:
        """Any cell: None, a Python scalar, a numpy array, or an Arrow array for lists of structs."""
        index = self.batch.schema.get_field_index(column)
        if index < 0 and column in NULLABLE_COLUMNS:
            return None  # the scene is of an older minor
        if index < 0:
            raise SchemaError(f"scene {self.meta.scene_id} has no column {column!r}; it has {self.columns()}")
        return cell(self.batch.column(index), self.row)

    def columns(self) -> list[str]:
        """Names of the columns of the scene."""
        names: list[str] = self.batch.schema.names
        return names

    def has(self, column: str) -> bool:
        """True if the column exists and is filled in this row."""
        index = self.batch.schema.get_field_index(column)
        return index >= 0 and bool(self.batch.column(index)[self.row].is_valid)

    @property
    def world_from_ego(self) -> Float64[np.ndarray, "4 4"] | None:
        """Ego pose in the global frame as a 4x4; None for rows without ego."""
        pose = self["ego.pose"]
        return None if pose is None else pose_to_matrix(pose)

    @cached_property
    def boxes(self) -> Boxes | None:
        """Boxes in the ego frame; None where the source has none for this row."""
        table = self["boxes"]
        return None if table is None else Boxes(table)

    def payload(self, column: str, *, verify: bool = False) -> bytes | None:
        """Encoded bytes of an image-like column as the source stored them; None where the sensor did not fire."""
        self._require_group(column, IMAGE_GROUPS)
        value = self[column]
        return None if value is None else payload_bytes(value, self.roots, verify=verify or self.strict)

    def image(self, camera: str, *, view: str | None = None) -> UInt8[np.ndarray, "height width 3"] | None:
        """RGB of one camera of the rig (or of a perturbed view); None where it did not fire."""
        crops = self.rig.camera(camera).crops
        column = next((name for name in crops if name.startswith("image.")), None)
        if column is None:
            raise SchemaError(f"camera {camera!r} has no image payload in the rig; it has {sorted(crops)}")
        data = self.payload(_of_view(column, view))
        if data is None:
            return None
        x, y, width, height = crops[column]
        image = decode_rgb(data, self._where(column))
        if image.shape[0] < y + height or image.shape[1] < x + width:
            size = f"{image.shape[1]}x{image.shape[0]}"
            raise SchemaError(f"{self._where(column)} is {size} px, camera {camera!r} needs {x + width}x{y + height}")
        return image[y : y + height, x : x + width]

    def codes(self, column: str) -> Shaped[np.ndarray, "height width"] | None:
        """Codes of a label payload (`semantic.*`, `depth.*`, `bev_map.*`), whole and unchanged."""
        data = self.payload(column)
        return None if data is None else decode_codes(data, self._where(column))

    def depth(self, column: str) -> Float32[np.ndarray, "height width"] | None:
        """Planar depth of a `depth.*` payload, m."""
        codes = self.codes(column)
        return None if codes is None else decode_depth(codes, self.rig.payload(column))

    def native_points(self, column: str) -> NativeCloud | None:
        """A point cloud exactly as its source stored it; None where the sensor did not fire.

        Raises:
            DataError: a referenced file cannot be read.
            SchemaError: it is of a kind that is not known.
        """
        self._require_group(column, POINT_GROUPS)
        value = self[column]
        if value is None:
            return None
        if value["reference"] is None:
            return unpack_points(value, self.rig.point_sensor(column))
        path = value["reference"]["relative_path"]
        if not path.endswith(".pcd"):
            raise SchemaError(f"{self._where(column)} refers to {path}; clouds are referenced as .pcd only")
        return read_cloud(read_reference(value["reference"], self.roots, verify=self.strict), path)[1]

    def points(self, column: str) -> Cloud | None:
        """A point cloud in the ego frame, m; that of a perturbed view too is taken back to the ego frame."""
        native = self.native_points(column)
        if native is None:
            return None
        cloud = cloud_in_ego(native, self.rig.point_sensor(column))
        if not column.startswith("view."):
            return cloud
        view_from_ego = np.array(self.rig.view(column.split(".")[1]).view_from_ego)
        return Cloud(transform_points(invert(view_from_ego), cloud.xyz), cloud.attributes)

    def extra(self) -> Mapping[str, Any]:
        """Native values that no column reproduces: the scene's, overlaid with this row's."""
        return unpack_extra(self.meta.extra, self["extra"])

    def _require_group(self, column: str, groups: tuple[str, ...]) -> None:
        if group_of(column) not in groups:
            raise SchemaError(f"{column!r} is no column of {', '.join(groups)}; the rig names {self.rig.columns()}")

    def _where(self, column: str) -> str:
        return f"{self.meta.scene_id} row {self.scene_row} {column}"


def _of_view(column: str, view: str | None) -> str:
    return column if view is None else f"view.{view}.{column}"
