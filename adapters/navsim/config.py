"""Options of `lead-xb convert dataset=navsim`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from lead_xb.adapters.navsim.filters import FILTER_SUFFIXES
from lead_xb.adapters.navsim.sensors import Clouds, Images, SensorOptions, Sensors
from lead_xb.adapters.navsim.source import NavsimSource
from lead_xb.schemas.errors import LeadXbError

Choice = TypeVar("Choice", bound=StrEnum)
MAX_SIDE = 1 << 14


@dataclass(frozen=True, kw_only=True)
class NavsimConfig:
    """Native NAVSIM data: OpenScene logs, sensor blobs, synthetic second-stage scenes, nuPlan maps.

    Attributes:
        source: OPENSCENE_DATA_ROOT, the folder that holds navsim_logs/, sensor_blobs/ and perhaps *_two_stage/.
        maps: NUPLAN_MAPS_ROOT; None converts without maps, which every scene then says it lacks.
        split: a folder of navsim_logs/, `all`, or the path of a scene filter (yaml or JSON). Whole logs are
            converted; synthetic scenes come with the logs they were made from, with a filter as the devkit loads them.
        folder: the data folder in which a filter's logs are looked for; None looks in all.
        synthetic: a two-stage mapping (yaml or JSON with reactive_all_mapping): exactly its synthetic scenes.
        images: `reference` points to the user's files, `keep` embeds them, `resize` embeds smaller ones.
        image_size, image_quality: width and height of resized images, and their JPEG quality.
        lidar: `reference` or `keep`; None follows images: kept where images are kept.
        sensors: `required`: a missing file is an error, with a filter only where an agent sees it; `present`: it is
            null and counted; `none`: logs and maps only, without calibration.
        hash_references: keep the SHA-256 of referenced files, which reads each of them once.
    """

    source: Path
    maps: Path | None = None
    split: str = "all"
    folder: str | None = None
    synthetic: Path | None = None
    images: str = "reference"
    image_size: tuple[int, int] | None = None
    image_quality: int = 95
    lidar: str | None = None
    sensors: str = "required"
    hash_references: bool = True

    def build(self) -> NavsimSource:
        """Check every option.

        Raises:
            LeadXbError: a value that is not possible, a folder that does not exist, or options that contradict.
        """
        images, sensors = _choice(Images, "images", self.images), _choice(Sensors, "sensors", self.sensors)
        follows = Clouds.KEEP if images is Images.KEEP else Clouds.REFERENCE
        lidar = follows if self.lidar is None else _choice(Clouds, "lidar", self.lidar)
        self._require_sizes(images)
        self._require_paths(sensors)
        source = NavsimSource(
            root=self.source,
            maps_root=self.maps,
            split=self.split,
            folder=self.folder,
            mapping_path=None if self.synthetic is None else self.synthetic.resolve(),
            sensor_options=SensorOptions(
                images=images,
                image_size=self.image_size,
                image_quality=self.image_quality,
                lidar=lidar,
                sensors=sensors,
                hash_references=self.hash_references,
            ),
        )
        source.require_split()
        return source

    def _require_sizes(self, images: Images) -> None:
        size = self.image_size
        if (images is Images.RESIZE) != (size is not None):
            raise LeadXbError(
                f"images={images.value} with image_size={size}; a size belongs to images=resize and to nothing else, "
                "for example images=resize image_size=[480,270]"
            )
        if size is not None and not all(0 < side <= MAX_SIDE for side in size):
            raise LeadXbError(f"image_size={list(size)}; expected width and height from 1 to {MAX_SIDE} pixels")
        if not 1 <= self.image_quality <= 100:
            raise LeadXbError(f"image_quality={self.image_quality}; expected a JPEG quality from 1 to 100")

    def _require_paths(self, sensors: Sensors) -> None:
        if not self.source.is_dir():
            raise LeadXbError(f"source={self.source} is not a folder; give OPENSCENE_DATA_ROOT")
        if self.maps is not None and not self.maps.is_dir():
            raise LeadXbError(f"maps={self.maps} is not a folder; give NUPLAN_MAPS_ROOT")
        if self.maps is None and sensors is Sensors.NONE:
            raise LeadXbError("sensors=none without maps leaves nothing to score with; give maps=NUPLAN_MAPS_ROOT")
        if self.synthetic is not None and not (self.synthetic.is_file() and self.synthetic.suffix in FILTER_SUFFIXES):
            raise LeadXbError(
                f"synthetic={self.synthetic} is no yaml or JSON file; give a two-stage mapping or leave it"
            )


def _choice(kind: type[Choice], name: str, value: str) -> Choice:
    try:
        return kind(value)
    except ValueError as error:
        raise LeadXbError(f"{name}={value}; expected one of {', '.join(kind)}") from error
