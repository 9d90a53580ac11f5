"""nuPlan objects and synthetic scenes, made of stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.adapters.navsim.synthetic import SyntheticTask
from lead_xb.adapters.navsim.synthetic_scene import LIGHTS_KEY, TRACKS_KEY
from lead_xb.store.standins import Standin, standin_type

from .helpers import native_frames, nuplan_bytes, write_bytes

FOLDER = "navhard_two_stage"
NOW, PREVIOUS = "1" * 17, "2" * 17
NUPLAN_MODULES = {
    "Agent": "nuplan.common.actor_state.agent",
    "StaticObject": "nuplan.common.actor_state.static_object",
    "OrientedBox": "nuplan.common.actor_state.oriented_box",
    "SceneObjectMetadata": "nuplan.common.actor_state.scene_object",
    "StateSE2": "nuplan.common.actor_state.state_representation",
    "StateVector2D": "nuplan.common.actor_state.state_representation",
    "TrackedObjects": "nuplan.common.actor_state.tracked_objects",
    "TrackedObjectType": "nuplan.common.actor_state.tracked_objects_types",
    "TrafficLightStatusData": "nuplan.common.maps.maps_datatypes",
    "TrafficLightStatusType": "nuplan.common.maps.maps_datatypes",
    "TrafficLightStatuses": "nuplan.common.maps.maps_datatypes",
    "DetectionsTracks": "nuplan.planning.simulation.observation.observation_type",
    "PosixPath": "pathlib",
}


def nuplan(name: str, *args: object, **state: object) -> Standin:
    """A nuPlan object: enum members have an argument, others have attributes."""
    standin = standin_type(f"{NUPLAN_MODULES[name]}.{name}")(*args)
    standin.__setstate__(state)
    return standin


def tracked(*, x: float, y: float, heading: float, kind: int = 0, moving: bool = True) -> Standin:
    box = nuplan(
        "OrientedBox", _center=nuplan("StateSE2", x=x, y=y, heading=heading), _length=4.0, _width=2.0, _height=1.5
    )
    velocity = {"_velocity": nuplan("StateVector2D", _x=0.0, _y=5.0)} if moving else {}
    metadata = nuplan("SceneObjectMetadata", token="o", track_token="t", timestamp_us=7)
    kind_of = nuplan("TrackedObjectType", kind)
    return nuplan(
        "Agent" if moving else "StaticObject", _box=box, _metadata=metadata, _tracked_object_type=kind_of, **velocity
    )


def tracks(*objects: Standin) -> Standin:
    return nuplan("DetectionsTracks", tracked_objects=nuplan("TrackedObjects", tracked_objects=list(objects)))


def lights(*states: int) -> Standin:
    data = [
        nuplan("TrafficLightStatusData", status=nuplan("TrafficLightStatusType", state), lane_connector_id=30001 + n)
        for n, state in enumerate(states)
    ]
    return nuplan("TrafficLightStatuses", traffic_lights=data)


def native_synthetic(initial_token: str = NOW, *, original: str = "original") -> dict[str, Any]:
    """A scene of two frames, looking along +y of the global frame, and two extended steps."""
    frames = native_frames(2)
    return {
        "scene_metadata": {
            "log_name": frames[0]["log_name"],
            "scene_token": f"scene of {initial_token}",
            "map_name": "us-ma-boston",
            "initial_token": initial_token,
            "num_history_frames": 2,
            "num_future_frames": 0,
            "corresponding_original_scene": original,
            "corresponding_original_initial_token": "first stage",
        },
        "frames": [
            {**_frame(frame, index), "token": initial_token if index == 1 else "shared by the pair"}
            for index, frame in enumerate(frames)
        ],
        LIGHTS_KEY: [lights(0, 1), lights(2, 3)],
        TRACKS_KEY: [tracks(tracked(x=100.0, y=211.0, heading=np.pi)), tracks()],
    }


def _frame(frame: dict[str, Any], index: int) -> dict[str, Any]:
    annotations = frame["anns"]
    return {
        "token": None,
        "timestamp": frame["timestamp"],
        "roadblock_ids": frame["roadblock_ids"],
        "traffic_lights": frame["traffic_lights"],
        "annotations": {
            "boxes": annotations["gt_boxes"],
            "names": annotations["gt_names"],
            "velocity_3d": annotations["gt_velocity_3d"],
            "instance_tokens": annotations["instance_tokens"],
            "track_tokens": annotations["track_tokens"],
        },
        "ego_status": {
            "ego_pose": np.array([100.0, 200.0 + index, np.pi / 2]),
            "ego_velocity": np.array([3.0, 4.0], np.float32),
            "ego_acceleration": np.array([0.1, -0.2], np.float32),
            "driving_command": np.array([0, 1, 0, 0]),
            "in_global_frame": True,
        },
        "lidar_path": None,
        "camera_dict": {"cam_f0": frame["cams"]["CAM_F0"], "cam_b0": {}},
    }


def write_scene_pickle(root: Path, content: Any, name: str = NOW) -> Path:
    path = root / FOLDER / "synthetic_scene_pickles" / f"{name}.pkl"
    write_bytes(path, nuplan_bytes(content))
    return path


def synthetic_tasks(root: Path, **options: Any) -> list[SyntheticTask]:
    config = NavsimConfig(source=root, **{"split": "test", "sensors": "present", **options})
    return [task for task in config.build().tasks() if isinstance(task, SyntheticTask)]
