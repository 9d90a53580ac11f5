"""Does an AlpaSim rollout fit the canonical scene? Written by hand from the recording, read back, compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.navigation import Command
from lead_xb.store.codec import same_bits
from lead_xb.store.frames import pose_to_matrix
from lead_xb.store.index import index_rows
from lead_xb.store.scene import Scene

from . import alpasim
from .alpasim_recording import FOLDER, Recording
from .round_trip import assert_lossless, leftovers, written


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording()


def write(recording: Recording, path: Path) -> Scene:
    rows = [(alpasim.cells_of(recording, time), recording.native(time)) for time in recording.times.tolist()]
    return written(path, alpasim.meta_of(recording), rows, alpasim.rebuild)


@pytest.fixture(scope="module")
def scene(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return write(recording, tmp_path_factory.mktemp("alpasim") / "rollout.arrow")


def test_every_recorded_value_comes_back_bit_for_bit(scene: Scene, recording: Recording) -> None:
    natives = [recording.native(time) for time in recording.times.tolist()]
    assert_lossless(scene, natives, alpasim.rebuild)
    # Poses that are kept in another frame, states that are not known, and what no column is for.
    assert leftovers(scene) == {
        *("actors", "plan", "ground_truth", "pose", "dynamic_state"),
        *("session", "rollout", "debug_info"),
    }


def test_a_rollout_has_a_row_per_policy_step_and_its_context(scene: Scene, recording: Recording) -> None:
    steps = [frame.timestamp_us for frame in scene if frame["plan.trajectory"] is not None]
    assert steps == recording.arrays["drive_time_now_us"].tolist()
    context = [frame for frame in scene if frame.timestamp_us < steps[0]]
    closing = [frame for frame in scene if frame.timestamp_us > steps[-1]]
    assert len(context) == 3 and not any(frame["frame.is_key"] for frame in context)
    assert len(closing) == 1 and closing[0]["frame.is_key"] and closing[0].has("image.camera_front_wide_120fov")


def test_images_keep_their_bytes_and_their_exposure(scene: Scene, recording: Recording) -> None:
    shown = 0
    for frame in scene:
        for camera, images in recording.images.items():
            cell = frame[f"image.{camera}"]
            if cell is None:
                assert frame.timestamp_us not in images
                continue
            start, jpeg = images[frame.timestamp_us]
            assert (cell["timestamp_us"], cell["end_timestamp_us"]) == (start, frame.timestamp_us)
            assert cell["end_timestamp_us"] - cell["timestamp_us"] == 30_000
            assert frame.payload(f"image.{camera}") == jpeg
            shown += 1
    assert shown == 84
    image = scene.frame(3).image("camera_rear_left_70fov")
    assert image is not None and image.shape == (90, 160, 3)


def test_the_rig_keeps_f_theta_lenses_native_sizes_and_shutters(scene: Scene, recording: Recording) -> None:
    announced = recording.session["rollout_spec"]["vehicle"]["available_cameras"]
    for item, camera in zip(announced, scene.meta.rig.cameras, strict=True):
        lens = item["intrinsics"]["ftheta_param"]
        assert camera.parameters["forward_poly"] == tuple(lens["angle_to_pixeldist_poly"])
        assert camera.parameters["backward_poly"] == tuple(lens["pixeldist_to_angle_poly"])
        assert camera.parameters["linear_cde"] == tuple(lens["linear_cde"].values())
        assert camera.parameters["max_angle"] == (1.25,) and camera.rolling_shutter == "top_to_bottom"
        assert (camera.width, camera.height) == (1920, 1080)
        assert camera.crops == {f"image.{camera.name}": (0, 0, 160, 90)}
    front = np.array(scene.meta.rig.camera("camera_front_wide_120fov").ego_from_camera)
    np.testing.assert_allclose(front[:3, 2], [1.0, 0.0, 0.0], atol=0.05)  # the optical axis points forward
    vehicle = scene.meta.rig.vehicle
    assert vehicle is not None and (vehicle.length_m, vehicle.center_x_m, vehicle.wheel_base_m) == (5.0, 1.4, None)


def test_ego_poses_are_the_reported_ones(scene: Scene, recording: Recording) -> None:
    for frame in scene:
        if frame.timestamp_us in recording.states:
            assert same_bits(frame["ego.pose"], recording.states[frame.timestamp_us][0].astype(np.float64))
    # The last instant has no report: it comes from the ego's box.
    np.testing.assert_allclose(frame["ego.pose"][:2], frame_end(recording), atol=1e-6)


def frame_end(recording: Recording) -> np.ndarray:
    """Independent of the mapping: box centre minus 1.4 m along the heading."""
    x, y, _, qw, _, _, qz = recording.arrays["actor_poses"][-1, list(recording.arrays["actor_ids"]).index("EGO")]
    yaw = 2.0 * np.arctan2(qz, qw)
    return np.array([x - 1.4 * np.cos(yaw), y - 1.4 * np.sin(yaw)])


def test_states_are_in_the_ego_frame_and_unknown_ones_are_null(scene: Scene, recording: Recording) -> None:
    for frame in scene:
        state = recording.states.get(frame.timestamp_us)
        if state is None or not state[1].any():
            assert frame["ego.velocity"] is None and frame["ego.speed"] is None
            continue
        assert frame["ego.speed"] == pytest.approx(7.4, abs=0.2)
        assert abs(frame["ego.velocity"][1]) < 0.1  # forward, also where the report is in local axes
        if frame.timestamp_us not in recording.context:
            expected = state[1].astype(np.float64)
            assert same_bits(frame["ego.velocity"], expected[1, :2].copy())
            assert same_bits(frame["ego.angular_acceleration"], expected[3].copy())
    assert sum(frame["ego.velocity"] is None for frame in scene) == 6


def test_routes_are_points_without_padding(scene: Scene, recording: Recording) -> None:
    for frame in scene:
        route = recording.routes.get(frame.timestamp_us)
        assert (frame["navigation.route"] is None) == (route is None)
        if route is not None:
            assert same_bits(frame["navigation.route"], route[:, :2].astype(np.float64).copy())
    with np.load(FOLDER / "routes.npz") as file:
        lengths = {name: [len(alpasim.without_padding(r)) for r in file[name]] for name in file if "route" in name}
    assert lengths["RECORDED_0_route"] == [20, 20, 13, 3] and lengths["RECORDED_40_route"][-1] == 0


def test_plans_are_in_the_ego_frame_with_their_own_times(scene: Scene, recording: Recording) -> None:
    recorded = recording.arrays["driver_trajectories"]
    frames = [frame for frame in scene if frame["plan.trajectory"] is not None]
    for frame, plan in zip(frames, recorded, strict=True):
        assert frame["plan.trajectory_us"].tolist() == plan[:, 0].tolist()
        local = np.array([[*xy, 0.0] for xy in frame["plan.trajectory"][:, :2]])
        world = frame.world_from_ego
        assert world is not None
        np.testing.assert_allclose((local @ world[:3, :3].T + world[:3, 3])[:, :2], plan[:, 1:3], atol=2e-3)
        yaw = 2.0 * np.arctan2(plan[:, 7], plan[:, 4])
        np.testing.assert_allclose(frame["plan.trajectory"][:, 2], yaw - yaw[0], atol=1e-6)
        assert frame["plan.proposals"] is None


def test_the_recorded_drive_is_not_mistaken_for_the_egos_future(scene: Scene, recording: Recording) -> None:
    for frame in scene:
        assert frame["ego_future.position"] is None
        if (truth := recording.truths.get(frame.timestamp_us)) is not None:
            assert same_bits(frame["expert.trajectory_us"], truth[0] - frame.timestamp_us)
            assert same_bits(frame["expert.trajectory"][:, :2].copy(), truth[1][:, :2].astype(np.float64))
            np.testing.assert_allclose(
                frame["expert.trajectory"][:, 2], 2.0 * np.arctan2(truth[1][:, 6], truth[1][:, 3]), atol=1e-6
            )


def test_commands_are_named_and_keep_their_number(scene: Scene) -> None:
    planned = [frame for frame in scene if frame["plan.trajectory"] is not None]
    assert {(f["navigation.command_raw"], f["navigation.command"]) for f in planned} == {(2, Command.RIGHT)}


def test_actors_are_boxes_and_an_absent_actor_is_none(recording: Recording, tmp_path: Path) -> None:
    gone = Recording()
    ids = gone.arrays["actor_ids"].tolist()
    gone.arrays["actor_poses"][5:, ids.index("2")] = np.nan
    scene = write(gone, tmp_path / "gone.arrow")
    for frame in scene:
        boxes, poses = frame.boxes, gone.actors(frame.timestamp_us)
        if poses is None:
            assert boxes is None
            continue
        assert boxes is not None and boxes.strings("track_token") == list(poses)
        world = frame.world_from_ego
        assert world is not None
        expected = np.array([pose[:3] for pose in poses.values()])
        np.testing.assert_allclose(boxes.center @ world[:3, :3].T + world[:3, 3], expected, atol=1e-9)
        ego = boxes.where(Category.EGO)
        np.testing.assert_allclose(boxes.center[ego], [[1.4, 0.0, 0.75]], atol=1e-5)
        np.testing.assert_allclose(boxes.size[~np.isin(np.arange(len(boxes)), ego), 0], [4.6, 4.4][: len(boxes) - 1])
        rotations = pose_to_matrix(np.column_stack([boxes.center, boxes.column("rotation").value]))[:, :3, 0]
        np.testing.assert_allclose(np.arctan2(rotations[:, 1], rotations[:, 0]), boxes.yaw, atol=1e-9)
    counts = [len(frame.boxes) for frame in scene if frame.boxes is not None]
    assert counts == [3] * 5 + [2] * 17
    assert_lossless(scene, [gone.native(time) for time in gone.times.tolist()], alpasim.rebuild)


def test_rollouts_of_one_place_are_found_by_location_and_map(scene: Scene) -> None:
    index = index_rows(scene, [[]] * len(scene)).to_pydict()
    assert set(index["location"]) == {"clipgt-synth-11"}
    assert set(index["map"]) == {"alpasim-clipgt-synth-11-26.1.0-synthetic"}
    assert sum(index["is_key"]) == 21 and index["speed_mps"].count(None) == 6
