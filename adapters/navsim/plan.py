"""What a split means: which logs and synthetic scenes are converted, and under which names their rows are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lead_xb.adapters.navsim.catalogue import (
    LogFile,
    SyntheticFile,
    data_folders,
    find_logs,
    find_synthetic,
    require_supported,
)
from lead_xb.adapters.navsim.filters import FILTER_SUFFIXES, SceneFilter, read_filter, read_mapping
from lead_xb.adapters.navsim.synthetic_scene import SceneLinks
from lead_xb.adapters.navsim.windows import Windows, kept_windows
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.pool import Pool

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a split means for a source, worked out once. Pickles are read by the pool, never in this process.

    Attributes:
        root, split, folder, mapping_path, pool: as in `NavsimSource`.
    """

    root: Path
    split: str
    folder: str | None
    mapping_path: Path | None
    pool: Pool

    def require_split(self) -> None:
        """LeadXbError if `split` or `folder` names nothing that is there, or a split would be called like a folder."""
        for path in (self.filter_path, self.mapping_path):
            if path is not None and path.stem in (*self._folders, ALL):
                raise LeadXbError(f"{path} would give its split the name of the data folder {path.stem!r}; rename it")
        folder = self.folder
        if folder is None:
            return
        if self.filter_path is None:
            raise LeadXbError(f"folder={folder} belongs to a scene filter; say split={folder}")
        require_supported(folder)
        if folder not in self._folders:
            raise LeadXbError(f"folder={folder} is not there; expected one of {', '.join(self._folders)}")

    @cached_property
    def filter_path(self) -> Path | None:
        """The scene filter that `split` names, None for a folder or `all`; LeadXbError for anything else."""
        path = Path(self.split)
        require_supported(path.stem)
        if self.split == ALL or self.split in self._folders:
            return None
        if path.suffix in FILTER_SUFFIXES and path.is_file():
            return path.resolve()
        expected = f"one of {', '.join(self._folders)}, {ALL}, or the path of a scene filter (.yaml or .json)"
        raise LeadXbError(f"split={self.split} is not there; expected {expected}")

    @cached_property
    def chosen(self) -> SceneFilter | None:
        """The scene filter."""
        return None if self.filter_path is None else read_filter(self.filter_path)

    @cached_property
    def logs(self) -> Mapping[str, LogFile]:
        """The logs of the split by name; LeadXbError if a filter names one that is not there."""
        if self.chosen is not None and self.chosen.max_scenes is not None:
            return {name: self._candidates[name] for name in self._windows}
        return self._candidates

    def filter_limit(self, log: str) -> int | None:
        """How many scenes a filter with a maximum takes from a log; None for all of them."""
        limited = self.chosen is not None and self.chosen.max_scenes is not None
        return len(self._windows[log].final_tokens) if limited else None

    @cached_property
    def synthetic(self) -> list[SyntheticFile]:
        """The synthetic scenes of the mapping, else of the filter, else of the split's logs.

        Scenes that nothing is known of are among them, so that their own tasks say why.
        """
        chosen = self.chosen
        if self.mapping_path is None and chosen is not None and not chosen.include_synthetic_scenes:
            return []
        scenes = find_synthetic(self.root, self.pool)
        if self.mapping_path is not None:
            return self._mapped(scenes, self.mapping_path)
        return [scene for scene in scenes if scene.links is None or self._is_of_split(scene.links)]

    def labels_of(self, scene: SyntheticFile) -> tuple[str, ...]:
        """Splits of a synthetic scene's current frame: the filter and the mapping, not its folder."""
        if scene.links is None:
            return ()
        names = []
        if self.chosen is not None and self._in_filter(scene.links, self.chosen):
            names.append(self.chosen.name)
        if self.mapping_path is not None:
            names.append(self.mapping_path.stem)
        return tuple(dict.fromkeys(names))

    @cached_property
    def requested(self) -> Mapping[str, frozenset[str]]:
        """Split -> tokens that the filter and the mapping ask for by name.

        A filter with a maximum asks for no particular ones. A mapping asks for the first stage only where its log is
        converted.
        """
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        if (chosen := self.chosen) is not None:
            if chosen.max_scenes is None:
                wanted[chosen.name] |= chosen.tokens or set()
            stops = chosen.max_scenes is not None and chosen.synthetic_tokens is None
            if chosen.include_synthetic_scenes and self.mapping_path is None and not stops:
                wanted[chosen.name] |= chosen.listed_synthetic
        if self.mapping_path is not None:
            logs = {scene.links.initial_token: scene.links.log_name for scene in self.synthetic if scene.links}
            for pair in read_mapping(self.mapping_path):
                wanted[self.mapping_path.stem] |= pair.synthetic
                if any(logs.get(token) in self.logs for token in pair.synthetic):
                    wanted[self.mapping_path.stem] |= {pair.now, pair.previous}
        return {name: frozenset(tokens) for name, tokens in wanted.items() if tokens}

    @cached_property
    def _folders(self) -> list[str]:
        return data_folders(self.root)

    @cached_property
    def _candidates(self) -> Mapping[str, LogFile]:
        """The logs of the split, whatever the filter's maximum."""
        self.require_split()
        chosen = self.chosen
        searched = [name for name in (self.folder, self.split) if name in self._folders][:1] or self._folders
        logs = find_logs(self.root, searched, self._folders)
        if chosen is None or chosen.log_names is None:
            return logs
        if missing := sorted(chosen.log_names - set(logs)):
            raise LeadXbError(
                f"{len(missing)} of the {len(chosen.log_names)} logs that {self.filter_path} names are not in "
                f"{', '.join(searched)}, for example {missing[0]}; complete the download or remove them from "
                "the filter"
            )
        return {name: log for name, log in logs.items() if chosen.takes_log(name)}

    @cached_property
    def _windows(self) -> Mapping[str, Windows]:
        return {} if self.filter_path is None else kept_windows(self._candidates, self.filter_path, self.pool)

    @cached_property
    def _final_tokens(self) -> frozenset[str]:
        return frozenset(token for windows in self._windows.values() for token in windows.final_tokens)

    def _mapped(self, scenes: list[SyntheticFile], mapping: Path) -> list[SyntheticFile]:
        """The scenes that a mapping names; LeadXbError if one is missing and not perhaps an unreadable one."""
        wanted = {token for pair in read_mapping(mapping) for token in pair.synthetic}
        found = [scene for scene in scenes if scene.links is None or scene.links.initial_token in wanted]
        missing = sorted(wanted - {scene.links.initial_token for scene in found if scene.links is not None})
        if len(missing) > sum(scene.links is None for scene in found):
            raise LeadXbError(
                f"{len(missing)} of the {len(wanted)} synthetic scenes that {mapping} names are not in {self.root}, "
                f"for example {missing[0]}; complete the download"
            )
        return found

    def _is_of_split(self, links: SceneLinks) -> bool:
        return links.log_name in self.logs if self.chosen is None else self._in_filter(links, self.chosen)

    def _in_filter(self, links: SceneLinks, chosen: SceneFilter) -> bool:
        if not chosen.include_synthetic_scenes or not chosen.takes_log(links.log_name):
            return False
        finals = frozenset() if chosen.synthetic_tokens is not None else self._final_tokens
        return chosen.takes_synthetic(links.initial_token, links.original_token, finals)
