"""An AlpaSim rollout as its driver saw it (recorded calls) and as the simulator logged it (actor poses)."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from .round_trip import GOLDEN, Native

FOLDER = GOLDEN / "alpasim"
STATE = ("angular_velocity", "linear_velocity", "linear_acceleration", "angular_acceleration")


class Recording:
    """The recorded calls by instant, with protobuf's types: float32 poses, int64 microseconds, bytes."""

    def __init__(self) -> None:
        self._bytes = (FOLDER / "session.bin").read_bytes()
        with np.load(FOLDER / "rollout_arrays.npz") as file:
            self.arrays = dict(file)
        decoded = json.loads((FOLDER / "rollout_decoded.json").read_text())["first_of_each_kind"]
        self.metadata: dict[str, Any] = decoded["rollout_metadata"]["message"]
        self.images: dict[str, dict[int, tuple[int, bytes]]] = defaultdict(dict)
        """Camera -> end of exposure, us -> (start of exposure, JPEG)."""
        self.states: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.context: set[int] = set()
        """Instants of the first report, whose states are in the axes of the local frame."""
        self.routes: dict[int, np.ndarray] = {}
        self.truths: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.plans: dict[int, tuple[np.ndarray, np.ndarray, dict[str, Any]]] = {}
        self.session: dict[str, Any] = {}
        readers: dict[str, Callable[[dict[str, Any]], None]] = {
            "get_version": _skip,
            "close_session": _skip,
            "start_session": self._start,
            "submit_image_observation": self._image,
            "submit_egomotion_observation": self._egomotion,
            "submit_route": self._route,
            "submit_recording_ground_truth": self._truth,
            "drive": self._drive,
        }
        for call in json.loads((FOLDER / "session.json").read_text()):
            readers[call["method"]](call)

    @property
    def times(self) -> np.ndarray:
        """Instants with an ego pose, estimated or true: the rows."""
        return np.union1d(np.array(list(self.states)), self.arrays["actor_pose_ts_us"])

    def actors(self, time: int) -> dict[str, np.ndarray] | None:
        """Box centres x, y, z, qw, qx, qy, qz in the local frame; NaN marks an actor that is not there."""
        found = np.flatnonzero(self.arrays["actor_pose_ts_us"] == time)
        if not len(found):
            return None
        poses = self.arrays["actor_poses"][found[0]]
        return {str(id): pose for id, pose in zip(self.arrays["actor_ids"], poses, strict=True) if np.isfinite(pose[0])}

    def native(self, time: int) -> Native:
        """What was recorded for one instant; None for what was not."""
        pose, state = self.states.get(time, (None, None))
        truth_us, truth = self.truths.get(time, (None, None))
        plan_us, plan, debug = self.plans.get(time, (None, None, {}))
        shown = {camera: images[time] for camera, images in self.images.items() if time in images}
        return {
            "pose": pose,
            "dynamic_state": state,
            "exposures": {camera: (start, time) for camera, (start, _) in sorted(shown.items())},
            "route": self.routes.get(time),
            "ground_truth_us": truth_us,
            "ground_truth": truth,
            "plan_us": plan_us,
            "plan": plan,
            "command": debug.get("command"),
            "debug_info": debug.get("bytes"),
            "actors": self.actors(time),
            "session": self.session,
            "rollout": self.metadata,
        }

    def _start(self, call: dict[str, Any]) -> None:
        self.session = call["request"]

    def _image(self, call: dict[str, Any]) -> None:
        image = call["request"]["camera_image"]
        jpeg = self._find(call, "request", b"\xff\xd8\xff", image["image_bytes"])
        self.images[image["logical_id"]][int(image["frame_end_us"])] = (int(image["frame_start_us"]), jpeg)

    def _egomotion(self, call: dict[str, Any]) -> None:
        times, poses = trajectory(call["request"]["trajectory"])
        self.context = self.context or set(times.tolist())
        for time, pose, state in zip(times.tolist(), poses, call["request"]["dynamic_states"], strict=True):
            self.states[time] = pose, np.stack([vector(state[name], "xyz") for name in STATE])

    def _route(self, call: dict[str, Any]) -> None:
        route = call["request"]["route"]
        self.routes[int(route["timestamp_us"])] = np.stack([vector(point, "xyz") for point in route["waypoints"]])

    def _truth(self, call: dict[str, Any]) -> None:
        truth = call["request"]["ground_truth"]
        self.truths[int(truth["timestamp_us"])] = trajectory(truth["trajectory"])

    def _drive(self, call: dict[str, Any]) -> None:
        debug = call["response"]["debug_info"]["unstructured_debug_info"]
        kept = {
            "command": debug["unpickled"]["command"],
            # A pickle: kept as it came, never opened.
            "bytes": self._find(call, "response", b"\x80", debug),
        }
        times, poses = trajectory(call["response"]["trajectory"])
        self.plans[int(call["request"]["time_now_us"])] = times, poses, kept

    def _find(self, call: dict[str, Any], side: str, magic: bytes, expected: dict[str, Any]) -> bytes:
        """The bytes field of a message that starts with `magic` and has the recorded length and digest."""
        message = self._bytes[call[f"{side}_offset"] :][: call[f"{side}_len"]]
        at = message.find(magic)
        while at >= 0:
            data = message[at : at + expected["len"]]
            if hashlib.sha256(data).hexdigest() == expected["sha256"]:
                return data
            at = message.find(magic, at + 1)
        raise AssertionError(f"{call['method']} does not hold the bytes that its record describes")


def _skip(_: dict[str, Any]) -> None:
    """A call that carries nothing of the drive."""


def vector(message: dict[str, float], axes: str) -> np.ndarray:
    """A Vec3 or Quat, float32; protobuf leaves out zeros."""
    return np.array([message.get(axis, 0.0) for axis in axes], np.float32)


def pose(message: dict[str, Any]) -> np.ndarray:
    """A Pose as x, y, z, qw, qx, qy, qz, float32."""
    return np.concatenate([vector(message["vec"], "xyz"), vector(message["quat"], "wxyz")])


def trajectory(message: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """A Trajectory as times (N,) in us and poses (N, 7)."""
    times = np.array([int(item["timestamp_us"]) for item in message["poses"]], np.int64)
    return times, np.stack([pose(item["pose"]) for item in message["poses"]])
