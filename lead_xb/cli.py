"""`lead-xb <command> [hydra overrides]`: every command reads one file of `conf/` and its overrides.

A user's mistake is one sentence on stderr and exit code 2; `--debug` shows the traceback as well.
"""

from __future__ import annotations

import importlib
import itertools
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console

import lead_xb
from lead_xb.schemas.errors import LeadXbError

OK, FAILED, MISUSED = 0, 1, 2
_RESERVED = re.compile(r"[~ ()=,;&@!#^|<>]")

ADAPTERS = {
    "carla": "lead_xb.adapters.carla.config:CarlaConfig",
    "navsim": "lead_xb.adapters.navsim.config:NavsimConfig",
}


@dataclass(frozen=True)
class Command:
    """One command: what it does in a line, and the function that runs it with its composed configuration."""

    summary: str
    run: Callable[[dict[str, Any], Console], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        return _dispatch(words, out)
    except LeadXbError as error:
        if debug:
            raise
        err.print(f"lead-xb: {error}", markup=False)
        return MISUSED
    except KeyboardInterrupt:
        err.print("lead-xb: interrupted; run the same command again to go on")
        return 130


def _dispatch(words: list[str], console: Console) -> int:
    if not words or words[0] in ("--help", "-h", "help"):
        console.print(_overview(), markup=False)
        return OK
    if words[0] == "--version":
        console.print(f"lead-xb {lead_xb.__version__}")
        return OK
    name, overrides = words[0], words[1:]
    if name not in COMMANDS:
        raise LeadXbError(f"there is no command {name!r}; commands are {', '.join(COMMANDS)} (see lead-xb --help)")
    if "--help" in overrides or "-h" in overrides:
        console.print(_command_help(name), markup=False)
        return OK
    return COMMANDS[name].run(compose(name, overrides), console)


def compose(command: str, overrides: Sequence[str]) -> dict[str, Any]:
    """conf/<command>.yaml with the overrides, as plain Python; LeadXbError for what Hydra refuses."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_module("lead_xb.conf", version_base="1.3"):
            config = hydra_compose(command, overrides=[_quoted(word) for word in overrides])
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            raise LeadXbError(f"{missing[0]}= is not set; {_usage(command)}")
        container = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise LeadXbError(f"{_reason(error)}; {_usage(command)}") from error
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _quoted(word: str) -> str:
    """An override whose value is an ordinary path with characters that Hydra's grammar reserves, in quotes."""
    key, equals, value = word.partition("=")
    if not equals or not _RESERVED.search(value) or value[0] in "'\"[{":
        return word
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}='{escaped}'"


def adapter_config(config: dict[str, Any]) -> Any:
    """The adapter's frozen configuration, filled from the composed one; LeadXbError for a value of the wrong type."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    module, _, name = ADAPTERS[config["adapter"]].partition(":")
    kind = getattr(importlib.import_module(module), name)
    values = {field.name: config[field.name] for field in fields(kind) if field.name in config}
    try:
        typed = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(kind), values))
    except OmegaConfBaseException as error:
        raise LeadXbError(f"{_reason(error)}; see lead-xb convert --help") from error
    assert isinstance(typed, dict)
    return kind(**{str(key): _native_value(value) for key, value in typed.items()})


def _native_value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return value.expanduser() if isinstance(value, Path) else value


def _reason(error: Exception) -> str:
    """What Hydra says, without where it looked and without its hint to append keys, which we do not take."""
    lines = [line.strip() for line in str(error).splitlines()]
    key = getattr(error, "full_key", None)
    kept = itertools.takewhile(
        lambda line: not line.startswith(("Config search path", "To append to your", "full_key")), lines
    )
    return (f"{key}: " if key else "") + " ".join(filter(None, kept)).rstrip(".")


def _run_convert(config: dict[str, Any], console: Console) -> int:
    from lead_xb.store.engine import convert
    from lead_xb.store.pool import LocalPool
    from lead_xb.store.progress import RichProgress
    from lead_xb.store.report import write_result

    if config["on_error"] not in ("report", "skip"):
        raise LeadXbError(f"on_error={config['on_error']}; expected report or skip")
    out = Path(str(config["out"])).expanduser()
    source, pool = adapter_config(config).build(), LocalPool(config["workers"])
    with RichProgress(console) as progress:
        report = convert(source, out, pool=pool, progress=progress)
    write_result(out, report)
    _print_report(report, out, console)
    whole = report.dataset.complete and not report.missing
    return OK if whole or config["on_error"] == "skip" else FAILED


def _print_report(report: Any, out: Path, console: Console) -> None:
    from rich.table import Table

    table = Table(title=str(out), title_justify="left", show_header=False)
    counts = report.dataset.counts
    rows = {
        "scenes": f"{counts['scenes']:,}",
        "rows": f"{counts['rows']:,}",
        "maps": f"{counts['maps']:,}",
        "written now": f"{len(report.written):,} files, {sum(entry.bytes for entry in report.written) / 1e6:,.1f} MB",
        "kept from before": f"{report.kept:,} files",
        **{f"split {name}": f"{count:,} rows" for name, count in report.dataset.splits.items()},
        **{f"lacks: {lack}": f"{count:,} scenes" for lack, count in report.dataset.lacks.items()},
        "not converted": f"{counts['quarantined']:,}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    for name, tokens in report.missing.items():
        shown = ", ".join(tokens[:3]) + (" ..." if len(tokens) > 3 else "")
        console.print(f"  split {name} asks for {len(tokens):,} tokens that were not found: {shown}", markup=False)
    for failure in report.failures[:5]:
        console.print(f"  {failure.id}: {failure.file} {failure.reason}; {failure.advice}", markup=False)
    if counts["quarantined"]:
        console.print(f"all of them: {out / 'quarantine.jsonl'}", markup=False)
    console.print(f"next: lead-xb check store={out}   or   lead-xb view store={out}", markup=False)


def _roots(config: dict[str, Any]) -> dict[str, str]:
    """roots.<id>=PATH of a command; LeadXbError if it is something else."""
    roots = config["roots"]
    if not isinstance(roots, dict):
        raise LeadXbError(f"roots={roots}; name the root: roots.source=PATH")
    return {str(name): str(Path(str(folder)).expanduser()) for name, folder in roots.items()}


def _run_check(config: dict[str, Any], console: Console) -> int:
    from rich.progress import track

    from lead_xb.store.check import PARTS_BESIDE_FILES, check_store
    from lead_xb.store.store import open_store

    references = config["references"]
    if references not in ("verify", "exist", "skip"):
        raise LeadXbError(f"references={references}; expected verify, exist or skip")
    store = open_store(Path(str(config["store"])).expanduser(), roots=_roots(config))
    checked = problems = 0
    parts = check_store(store, references=references)
    total = len(store.entries) + PARTS_BESIDE_FILES
    for _, found in track(parts, "checking", total=total, console=console, disable=not console.is_terminal):
        checked += 1
        problems += len(found)
        for problem in found:
            console.print(f"{problem.where}: {problem.what}", markup=False)
    verdict = "is whole" if not problems else f"has {problems} problems"
    console.print(f"{store.root} {verdict}: {checked} parts checked, {len(store.scene_ids)} scenes", markup=False)
    return FAILED if problems else OK


def _run_view(config: dict[str, Any], console: Console) -> int:
    from lead_xb.viz.view import view_store

    console.print(f"wrote {view_store({**config, 'roots': _roots(config)})}", markup=False)
    return OK


def _run_demo(config: dict[str, Any], console: Console) -> int:
    from lead_xb.demo.run import demo_options, run_demo

    seconds, seed = demo_options(config)
    return run_demo(Path(str(config["out"])).expanduser(), seconds=seconds, seed=seed, console=console)


COMMANDS = {
    "demo": Command("everything below on a small drive that it makes itself", _run_demo),
    "convert": Command("native logs -> canonical scenes; resumable", _run_convert),
    "check": Command("verify checksums, schema, index and references of a store", _run_check),
    "view": Command("a PNG sheet or an MP4 of a scene", _run_view),
}


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    groups = [f"  {group.name}={'|'.join(_group_options(group))}" for group in _groups()]
    return "\n".join(
        [
            "usage: lead-xb <command> [key=value ...] [--debug]",
            "",
            "commands:",
            *lines,
            "",
            "config groups:",
            *groups,
            "",
            "examples:",
            *(f"  {example}" for name in COMMANDS for example in _examples(name)),
            "",
            "lead-xb <command> --help lists every option of a command.",
        ]
    )


def _command_help(name: str) -> str:
    parts = [f"lead-xb {name}: {COMMANDS[name].summary}", "", _conf(f"{name}.yaml")]
    if name == "convert":
        for group in _groups():
            parts += [_conf(f"{group.name}/{option}.yaml") for option in _group_options(group)]
    return "\n".join(parts)


def _usage(command: str) -> str:
    example = next(iter(_examples(command)), f"lead-xb {command}")
    return f"for example: {example} (see lead-xb {command} --help)"


def _examples(command: str) -> list[str]:
    lines = _conf(f"{command}.yaml").splitlines()
    return [line.removeprefix("#").strip() for line in lines if line.startswith("#   lead-xb")]


def _conf(name: str) -> str:
    return files("lead_xb.conf").joinpath(name).read_text()


def _groups() -> list[Any]:
    return sorted((p for p in files("lead_xb.conf").iterdir() if p.is_dir() and p.name[0] != "_"), key=lambda p: p.name)


def _group_options(group: Any) -> list[str]:
    return sorted(path.name.removesuffix(".yaml") for path in group.iterdir() if path.name.endswith(".yaml"))


if __name__ == "__main__":
    sys.exit(main())
