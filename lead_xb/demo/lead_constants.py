"""Constant parts of LEAD's metas, as its 3-camera expert configuration writes them."""

from __future__ import annotations

from lead_xb.demo.native_carla import CAMERA_FOV_DEG, CAMERA_SIZE_PX, CAMERAS

WEATHER_PARAMETERS: dict[str, float] = {
    "cloudiness": 5.0,
    "dust_storm": 0.0,
    "fog_density": 2.0,
    "fog_distance": 0.75,
    "fog_falloff": 0.10000000149011612,
    "mie_scattering_scale": 0.029999999329447746,
    "precipitation": 0.0,
    "precipitation_deposits": 0.0,
    "rayleigh_scattering_scale": 0.03310000151395798,
    "scattering_intensity": 1.0,
    "sun_altitude_angle": 90.0,
    "sun_azimuth_angle": -1.0,
    "wetness": 0.0,
    "wind_intensity": 10.0,
}

DATASET_INFORMATION: dict[str, object] = {
    "save_depth_lower_resolution": True,
    "save_depth_resolution_ratio": 4,
    "save_depth_bits": 8,
    "save_only_non_ground_lidar": True,
    "target_dataset": 1,
    "data_save_freq": 5,
    "save_grouped_semantic": True,
}


def _radar(x: float, yaw: float | int) -> dict[str, object]:
    # LEAD's configuration mixes integers and floats here, and a lossless reader must keep them apart.
    return {"pos": [x, 0, 0.6], "rot": [0.0, 0.0, yaw], "horz_fov": 90, "vert_fov": 0.1}


SENSOR_INFORMATION: dict[str, object] = {
    "lidar_pos_1": [0.0, 0.0, 2.5],
    "lidar_rot_1": [0.0, 0.0, -90.0],
    "lidar_pos_2": [0.0, 0.0, 2.5],
    "lidar_rot_2": [0.0, 0.0, -270.0],
    "lidar_accumulation": True,
    "num_cameras": 3,
    "camera_calibration": {
        number: {
            "pos": list(mount.position_m),
            "rot": list(mount.rotation_deg),
            "width": CAMERA_SIZE_PX,
            "height": CAMERA_SIZE_PX,
            "cropped_height": CAMERA_SIZE_PX,
            "fov": CAMERA_FOV_DEG,
        }
        for number, mount in CAMERAS.items()
    },
    "num_radar_sensors": 4,
    "radar_calibration": {
        "1": _radar(2.6, -45.0),
        "2": _radar(2.6, 45.0),
        "3": _radar(-2.6, 135),
        "4": _radar(-2.6, 225),
    },
}
