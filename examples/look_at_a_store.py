"""Open a store, filter its index, and look at what a frame holds.

python examples/look_at_a_store.py STORE ["speed_mps > 2 AND command = 4"]
"""

from __future__ import annotations

import sys

import lead_xb as lx


def main(root: str, condition: str = "is_key") -> None:
    """Print the frames that fulfil a condition, and the content of the first one."""
    store = lx.open(root)
    found = store.filter(condition).select("scene", "row", "speed_mps", "location").collect()
    print(found)
    if found.is_empty():
        return
    frame = store.scene(found["scene"][0]).frame(found["row"][0])
    print(f"{frame.token}: ego at {frame['ego.pose'][:3].round(2)} m, {frame['ego.speed']:.1f} m/s")
    for camera in frame.rig.cameras:
        image = frame.image(camera.name) if camera.crops else None
        print(f"  {camera.name}: {'not recorded' if image is None else image.shape}")
    for sensor in frame.rig.points:
        cloud = frame.points(sensor.column)
        print(f"  {sensor.column}: {'not recorded' if cloud is None else len(cloud.xyz)} points")
    if frame.boxes is not None:
        print(f"  {len(frame.boxes)} boxes, nearest centre at {frame.boxes.center[0].round(2)} m in the ego frame")


if __name__ == "__main__":
    main(*sys.argv[1:])
