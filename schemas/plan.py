"""Row group `plan`: what the policy that drove answered at this instant (closed-loop rollouts)."""

from __future__ import annotations

import pyarrow as pa

from lead_xb.schemas.column import TIME_US, VEC3, Column, struct_of

PROPOSAL_FIELDS = (
    Column(
        name="trajectory",
        type=pa.list_(VEC3),
        unit="m, m, rad",
        frame="ego",
        nullable=False,
        doc="x, y, yaw at the times of `plan.trajectory_us`",
    ),
    Column(name="score", type=pa.float64(), doc="the policy's own score; null: it gives none"),
)

PLAN_COLUMNS = (
    Column(
        name="plan.trajectory_us",
        type=pa.list_(TIME_US),
        unit="us",
        doc="times of the plan relative to the row, in the policy's own spacing",
    ),
    Column(
        name="plan.trajectory",
        type=pa.list_(VEC3),
        unit="m, m, rad",
        frame="ego",
        doc="x, y, yaw that the policy answered; null: it did not plan in this row",
    ),
    Column(
        name="plan.proposals",
        type=pa.list_(struct_of(PROPOSAL_FIELDS)),
        doc="alternatives that the policy considered; null: it tells none",
    ),
)
