"""``fit --config FILE.yaml``: options from a file, and the options of a fit for such a file."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from anomgan.cli.options import parse_settings
from anomgan.cli.panels import OPTIONS
from anomgan.errors import InputError

SETTINGS = "set"
"""The entry whose value is a mapping of settings, as of ``--set``."""

PLUGIN = "plugin"
"""The option that names code, which therefore is typed: a file beside a model may be anybody's."""

ELSEWHERE = {"config", "help", "verbose", "quiet", "json", "resume", "dry-run", PLUGIN}
"""Options that say nothing of the model, so that no file need hold them, and :data:`PLUGIN`."""

NOT_KEPT = {*ELSEWHERE, "grids", "checkpoint-every", *(o[2:] for o in OPTIONS["Tracking"])}
"""Options that aren't kept beside a model: how it came about and where it was logged, perhaps at an
address with a password in it."""

WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _read_config(context: typer.Context, config: Path | None) -> Path | None:
    """Take the file's options as defaults, which the command line and the environment override."""
    if config is not None and not context.resilient_parsing:
        options = _parse_file(config)
        parameters = _name_parameters(context)
        for name in options:
            if name not in parameters:
                close = difflib.get_close_matches(name, parameters, n=1)
                hint = f"did you mean {close[0]!r}?" if close else "`anomgan fit -h` lists all"
                if name == PLUGIN:
                    hint = "plug-ins are code: type --plugin, or set ANOMGAN_PLUGINS"
                raise InputError(f"{config}: fit has no option {name!r}; {hint}")
        context.default_map = {
            parameters[name].name: _convert(value, parameters[name], f"{config}: {name}")
            for name, value in options.items()
            if value not in (None, "", "null", "~")
        }
    return config


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A YAML file of options, such as the fit.yaml beside a model: their names without "
        "dashes, `normal` for NORMAL, `set` with settings below it.  What is typed counts before "
        "what the file says.",
        show_default=False,
        is_eager=True,
        callback=_read_config,
    ),
]


def _parse_file(path: Path) -> dict[str, Any]:
    """The entries of a YAML file; cells stay text, as on the command line: ``label: no`` is "no".

    Raises:
        InputError: If it can't be read, or is anything but a mapping.
    """
    import yaml

    try:
        # This loader makes text, lists and dicts, nothing else.
        entries = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "isn't UTF-8"
        raise InputError(f"--config {path}: can't be read: {reason}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or "isn't YAML"
        raise InputError(f"--config {path}: {line}{problem}") from None
    if not isinstance(entries, dict):
        raise InputError(f"--config {path}: write a line `option: value` for each option")
    return {str(name).removeprefix("--").replace("_", "-"): v for name, v in entries.items()}


def _name_parameters(context: typer.Context) -> dict[str, Any]:
    """Parameters of the command that a file may hold, by the names that they have there."""
    names = {}
    for parameter in context.command.params:
        options = [*parameter.opts, *getattr(parameter, "secondary_opts", [])]
        name = next((each[2:] for each in options if each.startswith("--")), parameter.name)
        if name is not None and name not in ELSEWHERE:
            names[name] = parameter
    return names


def _convert(value: Any, parameter: Any, name: str) -> Any:
    """A value from a file as the command line would give it.

    Raises:
        InputError: If a value can't be that of the option.
    """
    if name.endswith(f": {SETTINGS}"):
        if isinstance(value, Mapping):
            return [f"{key}={_join(item)}" for key, item in value.items()]
        value = [value] if isinstance(value, str) else value
    elif isinstance(value, Mapping):
        raise InputError(f"{name}: has entries below it; give a value")
    if getattr(parameter, "multiple", False):
        return [value] if isinstance(value, str) else list(value)
    if isinstance(value, list):
        raise InputError(f"{name}: takes one value, not a list")
    if getattr(parameter, "is_flag", False):
        if value.lower() not in WORDS:
            raise InputError(f"{name}: {value!r} is neither true nor false")
        return WORDS[value.lower()]
    return value


def _join(item: Any) -> str:
    """The value of a setting; a list is one with commas."""
    return ",".join(map(str, item)) if isinstance(item, list) else str(item)


def _to_number(text: str) -> int | float | str:
    """The number that a text is, if it is one."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def merge_settings(context: typer.Context, assignments: list[str]) -> dict[str, Any]:
    """Settings of ``--set``, and those of the file that aren't among them."""
    from_file = (context.default_map or {}).get("assignments") or []
    return parse_settings(list(from_file)) | parse_settings(assignments)


def describe_options(context: typer.Context, **resolved: Any) -> dict[str, Any]:
    """The options of a fit by which it can be repeated, for a file that ``--config`` reads.

    Args:
        context: That of the command.
        resolved: Values of parameters that differ from what was given.
    """
    described: dict[str, Any] = {}
    for name, parameter in _name_parameters(context).items():
        value = resolved.get(parameter.name, context.params.get(parameter.name))
        is_unset_flag = value is False and not getattr(parameter, "secondary_opts", None)
        if name in NOT_KEPT or value is None or is_unset_flag or value in ([], (), {}):
            continue
        if name == SETTINGS:
            value = {key: _to_number(text) for key, text in value.items()}
        plain = isinstance(value, bool | int | float | str | list | dict)
        described[name] = value if plain else str(value)
    return described
