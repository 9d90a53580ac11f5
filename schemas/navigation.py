"""Row group `navigation`: where the ego is told to go."""

from __future__ import annotations

from enum import IntEnum

import pyarrow as pa

from lead_xb.schemas.column import VEC2, VEC3, Column


class Command(IntEnum):
    """Driving command, one list for every source; each adapter has one table into it."""

    UNKNOWN = 0
    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    LANE_FOLLOW = 4
    CHANGE_LANE_LEFT = 5
    CHANGE_LANE_RIGHT = 6


NAVIGATION_COLUMNS = (
    Column(
        name="navigation.command",
        type=pa.int8(),
        sources=("carla", "navsim"),
        doc="enum `Command`",
    ),
    Column(
        name="navigation.command_raw",
        type=pa.int32(),
        sources=("carla", "navsim"),
        doc="the source's own number: CARLA RoadOption, NAVSIM index of the one-hot vector",
    ),
    Column(
        name="navigation.target_points",
        type=pa.list_(VEC3),
        unit="m",
        frame="global",
        sources=("carla",),
        doc="sparse route: the last point reached, the current goal, the ones after it",
    ),
    Column(
        name="navigation.target_commands",
        type=pa.list_(pa.int32()),
        sources=("carla",),
        doc="raw command of each target point",
    ),
    Column(
        name="navigation.passed_points",
        type=pa.list_(VEC3),
        unit="m",
        frame="global",
        sources=("carla",),
        doc="target points already removed from the sparse route, oldest first",
    ),
    Column(
        name="navigation.passed_commands",
        type=pa.list_(pa.int32()),
        sources=("carla",),
        doc="raw command of each passed point",
    ),
    Column(
        name="navigation.reach_m",
        type=pa.float64(),
        unit="m",
        sources=("carla",),
        doc="distance at which a target point counts as reached; other distances are in `extra`",
    ),
    Column(
        name="navigation.route",
        type=pa.list_(VEC2),
        unit="m",
        frame="ego",
        sources=("carla",),
        doc="dense route ahead, x, y",
    ),
    Column(
        name="navigation.road_blocks",
        type=pa.list_(pa.string()),
        sources=("navsim",),
        doc="route as ids of road blocks and road block connectors of the map",
    ),
    Column(
        name="navigation.route_progress",
        type=pa.float64(),
        unit="m",
        doc="arc length along the scene's route up to the ego",
    ),
    Column(
        name="navigation.route_remaining",
        type=pa.float64(),
        unit="m",
        doc="arc length from the ego to the end of the scene's route",
    ),
    Column(name="navigation.speed_limit", type=pa.float64(), unit="m/s", sources=("carla",), doc="limit at the ego"),
)
