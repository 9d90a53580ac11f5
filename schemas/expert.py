"""Row groups `expert` and `preferences`: what the recording driver did and what raters prefer."""

from __future__ import annotations

import pyarrow as pa

from lead_xb.schemas.column import TIME_US, VEC2, VEC3, Column, struct_of

LEAD = ("carla",)

EXPERT_COLUMNS = (
    Column(name="expert.target_speed", type=pa.float64(), unit="m/s", sources=LEAD, doc="after all reductions"),
    Column(name="expert.brake", type=pa.bool_(), sources=LEAD, doc="the expert brakes"),
    Column(name="expert.steer", type=pa.float64(), sources=LEAD, doc="control, -1 to 1, right is positive"),
    Column(name="expert.throttle", type=pa.float64(), sources=LEAD, doc="control, 0 to 1"),
    Column(name="expert.vehicle_hazard", type=pa.bool_(), sources=LEAD, doc="slowed by a vehicle"),
    Column(name="expert.light_hazard", type=pa.bool_(), sources=LEAD, doc="slowed by a traffic light"),
    Column(name="expert.walker_hazard", type=pa.bool_(), sources=LEAD, doc="slowed by a pedestrian"),
    Column(name="expert.stop_sign_hazard", type=pa.bool_(), sources=LEAD, doc="slowed by a stop sign"),
    Column(name="expert.scenario", type=pa.string(), sources=LEAD, doc="scenario active now"),
    Column(name="expert.previous_scenario", type=pa.string(), sources=LEAD, doc="scenario active before"),
    Column(name="expert.obstacles", type=pa.list_(pa.string()), sources=LEAD, doc="track tokens of scenario obstacles"),
    Column(name="expert.actors", type=pa.list_(pa.string()), sources=LEAD, doc="track tokens of scenario actors"),
    Column(name="expert.cut_ins", type=pa.list_(pa.string()), sources=LEAD, doc="track tokens of actors that cut in"),
    Column(name="expert.door_opened", type=pa.bool_(), sources=LEAD, doc="a parked vehicle has opened a door"),
    Column(name="expert.door_side", type=pa.string(), sources=LEAD, doc="side of that door"),
    Column(name="expert.light_overhead", type=pa.bool_(), sources=LEAD, doc="next light hangs over the junction"),
    Column(name="expert.light_europe", type=pa.bool_(), sources=LEAD, doc="next light stands before the junction"),
    Column(
        name="expert.trajectory_us",
        type=pa.list_(TIME_US),
        unit="us",
        doc="times of `expert.trajectory` relative to the row",
    ),
    Column(
        name="expert.trajectory",
        type=pa.list_(VEC3),
        unit="m, m, rad",
        frame="ego",
        doc="x, y, yaw: how the recorded driver went where another policy drives now (closed loop), before and after",
    ),
)

PREFERENCE_FIELDS = (
    Column(name="trajectory", type=pa.list_(VEC2), unit="m", frame="ego", nullable=False, doc="x, y, of any length"),
    Column(name="score", type=pa.float64(), doc="rating 0 to 10; null: not rated"),
)

PREFERENCES_COLUMNS = (
    Column(name="preferences.first_us", type=TIME_US, unit="us", doc="time of the first point relative to the row"),
    Column(name="preferences.step_us", type=TIME_US, unit="us", doc="time between points"),
    Column(
        name="preferences.rated",
        type=pa.list_(struct_of(PREFERENCE_FIELDS)),
        doc="rated trajectories; null: the row was not rated",
    ),
)
