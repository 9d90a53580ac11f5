"""Keys of LEAD's metas about road, traffic, weather and hazards (reference page, section 5.2)."""

from __future__ import annotations

import numpy as np

from lead_xb.demo.actors import Kind, Light
from lead_xb.demo.drive import Drive
from lead_xb.demo.lead_constants import DATASET_INFORMATION, SENSOR_INFORMATION, WEATHER_PARAMETERS

TOWN = "DemoTown"
SCENARIO = "SignalizedJunctionRightTurn"
JPEG_QUALITY = 30
_INF = float("inf")

Meta = dict[str, object]


def map_keys(drive: Drive, tick: int) -> Meta:
    """Where the ego is on the road."""
    s, (begin, end) = float(drive.ego_s_m[tick]), drive.route.turn_m
    inside = begin <= s <= end
    road = 0 if s < begin else 5 if inside else 7
    return {
        "scenario": SCENARIO,
        "traffic_light_state": _light(drive, tick).value if s < begin else "None",
        "distance_to_next_junction": max(0.0, begin - s),
        "ego_lane_id": -2 if s < begin else -1,
        "road_id": road,
        "lane_id": -2 if s < begin else -1,
        "is_junction": inside,
        "is_intersection": inside,
        "junction_id": 5 if inside else -1,
        "next_road_ids": [road],
        "next_next_road_ids_ego": [],
        "lane_change_str": "NONE",
        "lane_type_str": "Driving",
        "left_lane_marking_color_str": "White",
        "left_lane_marking_type_str": "Broken" if s < begin else "Solid",
        "right_lane_marking_color_str": "White",
        "right_lane_marking_type_str": "Solid",
    }


def surrounding_keys(drive: Drive, tick: int) -> Meta:
    """Distances to what scenarios are about, and which scenario is running."""
    return {
        "dist_to_construction_site": _INF,
        "dist_to_accident_site": _INF,
        "dist_to_parked_obstacle": _INF,
        "dist_to_vehicle_opens_door": _INF,
        "dist_to_cutin_vehicle": _INF,
        "dist_to_pedestrian": _nearest_m(drive, tick, kind=Kind.PEDESTRIAN),
        "dist_to_biker": _nearest_m(drive, tick, kind=Kind.BICYCLE),
        "dist_to_junction": None,
        "current_active_scenario_type": SCENARIO,
        "previous_active_scenario_type": None,
        "scenario_obstacles_ids": [],
        "scenario_actors_ids": [],
        "vehicle_opened_door": False,
        "vehicle_door_side": None,
        "scenario_obstacles_convex_hull": [],
        "cut_in_actors_ids": [],
    }


def condition_keys(drive: Drive, tick: int) -> Meta:
    """The route ahead, weather and recording settings."""
    s, (begin, _) = float(drive.ego_s_m[tick]), drive.route.turn_m
    return {
        "distance_to_intersection_index_ego": begin - s if s < begin else _INF,
        "ego_lane_width": 3.5,
        "target_lane_width": 3.5,
        "weather_setting": "ClearNoon",
        "jpeg_storage_quality": JPEG_QUALITY,
        "route_left_length": drive.route.path.length_m - s,
        "distance_ego_to_route": 0.0,
        "weather_parameters": dict(WEATHER_PARAMETERS),
        "signed_dist_to_lane_change": _INF,
        "visual_visibility": 0,
        "num_parking_vehicles_in_proximity": sum(actor.parked for actor in drive.actors),
        "second_highest_speed": 7.0,
        "second_highest_speed_limit": 9.0,
        "dataset_information": dict(DATASET_INFORMATION),
        "sensor_information": dict(SENSOR_INFORMATION),
        "europe_traffic_light": True,
        "over_head_traffic_light": False,
    }


def hazard_keys(drive: Drive, tick: int) -> Meta:
    """What the expert brakes for."""
    ahead = drive.route.turn_m[0] - float(drive.ego_s_m[tick])
    stopped = 0.0 < ahead < 30.0 and _light(drive, tick) is not Light.GREEN
    return {
        "emergency_brake_for_special_vehicle": False,
        "vehicle_hazard": False,
        "vehicle_affecting_id": None,
        "light_hazard": stopped,
        "walker_hazard": False,
        "walker_affecting_id": None,
        "stop_sign_hazard": False,
        "stop_sign_close": False,
        "walker_close": False,
        "walker_close_id": None,
        "target_speed_limit": speed_limit_mps(drive, tick),
        "slower_bad_visibility": False,
        "slower_clutterness": False,
        "slower_occluded_junction": False,
        "does_emergency_brake_for_pedestrians": False,
        "construction_obstacle_two_ways_stuck": False,
        "accident_two_ways_stuck": False,
        "parked_obstacle_two_ways_stuck": False,
        "vehicle_opens_door_two_ways_stuck": False,
        "rear_danger_8": False,
        "rear_danger_16": False,
        "brake_cutin": False,
    }


def speed_limit_mps(drive: Drive, tick: int) -> float:
    """Speed limit where the ego is, m/s; that of the road ahead inside the intersection."""
    lane = drive.route.lanes[0 if drive.ego_s_m[tick] < drive.route.turn_m[0] else 2]
    return drive.network.lane(lane).speed_limit_mps


def _light(drive: Drive, tick: int) -> Light:
    own = drive.network.lane(drive.route.lanes[0])
    stop = next(stop for stop in drive.network.stop_lines if own in stop.lanes)
    return next(signal for signal in drive.signals if signal.stop_id == stop.stop_id).states[tick]


def _nearest_m(drive: Drive, tick: int, *, kind: Kind) -> float:
    here = drive.ego.position_m[tick]
    found = [actor.track.position_m[tick] - here for actor in drive.actors if actor.kind is kind]
    return min((float(np.linalg.norm(offset)) for offset in found), default=_INF)
