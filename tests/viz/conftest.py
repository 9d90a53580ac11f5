"""A tiny scene made in a few lines: three rows, four cameras of 160 x 120 px, everything optional."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.rig import Camera, Payload, PointSensor, Rig, Vehicle, View
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.frames import camera_to_ego, translation
from lead_xb.store.points import NativeCloud, pack_points
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.writer import write_rows

MakeCamera = Callable[..., Camera]
MakeScene = Callable[..., Scene]

GREY = 100
SPEED_MPS = 4.0
STEP_US = 250_000


def rows_of(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """A matrix as a rig holds it."""
    return tuple(tuple(float(value) for value in row) for row in matrix)


def camera(name: str = "front", *, yaw_deg: float = 0.0, model: str = "pinhole", **parameters: Any) -> Camera:
    """A level camera 1.5 m above the ego origin with 160 x 120 px, focal length 100 px and its centre in the middle."""
    mount = translation(0.0, 0.0, 1.5)
    cos, sin = np.cos(np.deg2rad(yaw_deg)), np.sin(np.deg2rad(yaw_deg))
    mount[:2, :2] = [[cos, -sin], [sin, cos]]
    values = {"focal": (100.0, 100.0), "center": (80.0, 60.0), "distortion": (), **parameters}
    return Camera(
        name=name,
        width=160,
        height=120,
        model=model,
        parameters=values,
        ego_from_camera=rows_of(camera_to_ego(mount, "waymo")),
        crops={f"image.{name}": (0, 0, 160, 120)},
    )


CAMERAS = (
    camera("left", yaw_deg=60.0),
    camera("front"),
    camera("right", yaw_deg=-60.0),
    camera("rear", yaw_deg=180.0),
)
VEHICLE = Vehicle(name="car", length_m=4.8, width_m=2.0, height_m=1.5, wheel_base_m=2.9, center_x_m=1.4)
RASTER = Payload(
    column="bev_map.road",
    codec="png",
    coding="class",
    classes={"0": "unlabeled", "1": "road"},
    # 2 px/m, 200 x 200 px, x to the right and y downwards, as LEAD's with y to the right.
    pixel_from_ego=((2.0, 0.0, 100.0), (0.0, -2.0, 100.0)),
)
LIDAR = PointSensor(column="lidar.top", ego_from_sensor=rows_of(np.eye(4)), coordinates="float32")
RADAR = PointSensor(
    column="radar.front", ego_from_sensor=rows_of(np.eye(4)), coordinates="float32", attributes={"velocity": "float32"}
)


def rig(cameras: tuple[Camera, ...] = CAMERAS) -> Rig:
    """The rig of the scenes; the view `shifted` stands 1 m to the left of the ego."""
    return Rig(
        source_from_ego=rows_of(np.eye(4)),
        vehicle=VEHICLE,
        cameras=cameras,
        payloads=(*(Payload(column=f"image.{c.name}", codec="png", coding="rgb") for c in cameras), RASTER),
        points=(LIDAR, RADAR),
        views=(View(name="shifted", view_from_ego=rows_of(translation(0.0, -1.0))),),
    )


def png(image: np.ndarray) -> dict[str, bytes]:
    """A payload cell with the image (RGB or codes) as PNG."""
    done, data = cv2.imencode(".png", image[:, :, ::-1] if image.ndim == 3 else image)
    assert done
    return {"bytes": data.tobytes()}


def box(x: float, y: float, **fields: Any) -> dict[str, Any]:
    """One car of 4 x 2 x 1.5 m standing on the ground, heading forward."""
    return {
        "category": int(Category.VEHICLE),
        "center": np.array([x, y, 0.75]),
        "size": np.array([4.0, 2.0, 1.5]),
        "yaw": 0.0,
        **fields,
    }


def cells_of(boxes: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Boxes as the cell of the `boxes` column."""
    names = {name for item in boxes for name in item} | {"category", "center", "size", "yaw"}
    return {name: [item.get(name) for item in boxes] for name in names}


def cloud(points: list[tuple[float, float, float]], **attributes: list[float]) -> dict[str, Any]:
    """A point cell with float32 coordinates."""
    typed = {name: np.array(values, np.float32) for name, values in attributes.items()}
    return pack_points(NativeCloud(np.array(points, np.float32).reshape(-1, 3), typed))


def row_of(index: int, boxes: list[dict[str, Any]], images: tuple[Camera, ...]) -> dict[str, Any]:
    """Row `index` of a drive straight ahead at `SPEED_MPS` with grey images."""
    picture = png(np.full((120, 160, 3), GREY, np.uint8))
    return {
        "frame.token": f"token-{index}",
        "frame.timestamp_us": index * STEP_US,
        "frame.is_key": True,
        "frame.kind": "recorded",
        "ego.pose": np.array([index * SPEED_MPS * STEP_US * 1e-6, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
        "ego.speed": SPEED_MPS,
        "boxes": cells_of(boxes),
        **{f"image.{c.name}": picture for c in images},
    }


@pytest.fixture(name="make_camera")
def fixture_make_camera() -> MakeCamera:
    """`make_camera(name, yaw_deg=..., model=..., <parameters>)`."""
    return camera


@pytest.fixture(name="box_at")
def fixture_box_at() -> Callable[..., dict[str, Any]]:
    """`box_at(x, y, <fields>)`: one car."""
    return box


@pytest.fixture(name="cloud_of")
def fixture_cloud_of() -> Callable[..., dict[str, Any]]:
    """`cloud_of(points, <attributes>)`: a point cell."""
    return cloud


@pytest.fixture(name="png_of")
def fixture_png_of() -> Callable[[np.ndarray], dict[str, bytes]]:
    """`png_of(image)`: a payload cell."""
    return png


@pytest.fixture(name="make_scene")
def fixture_make_scene(tmp_path: Path) -> MakeScene:
    """`make_scene(boxes=..., cameras=..., rows=..., edit=...)`: a stored scene, opened."""

    def make(
        *,
        boxes: tuple[dict[str, Any], ...] = (),
        cameras: tuple[Camera, ...] = CAMERAS,
        rows: int = 3,
        edit: Callable[[int, dict[str, Any]], None] | None = None,
        name: str = "drive",
    ) -> Scene:
        """`edit(index, row)` changes the cells of a row before it is written."""
        scene_rows = [row_of(index, list(boxes), cameras) for index in range(rows)]
        for index, row in enumerate(scene_rows):
            if edit is not None:
                edit(index, row)
        meta = SceneMeta(
            scene_id=name, source="synthetic", location="Nowhere", map_id=None, folder="all", rig=rig(cameras)
        )
        path = tmp_path / f"{name}.arrow"
        write_rows(path, meta, [(row, None) for row in scene_rows])
        return open_scene(path)

    return make
