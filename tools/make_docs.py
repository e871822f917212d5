"""Build the site of the documentation into build/site, without a network and strictly.

    python tools/make_docs.py

Pages of docs/ come first; beside them this script writes what can be read off the package: the
reference of the Python API, of the command line, of the settings and of the GANs, and puts the
notebooks with the outputs that `make notebooks` left in build/notebooks.  A dead link, an unknown
reference or a malformed docstring fails the build.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import anomgan
from anomgan import plotting
from anomgan.cli.main import make_command
from anomgan.config import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
SOURCE, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"

ROOT_PAGES = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
"""Pages that lie where people look for them in a repository."""

EXTENSIBLE = ["anomgan.gans.GAN", "anomgan.scoring.Component"]
"""What users derive from, beside the public names."""

HIDDEN = {
    "GANDetector": ["get_metadata_routing", "set_fit_request", "set_score_request", "from_model"],
    "Checkpoint": ["begin", "is_done", "load_result", "next_training", "save_result"],
    "Config": [*SETTINGS],
}
"""Members that aren't users': scikit-learn's plumbing, and what the fit alone calls.  The settings
have a page of their own."""


def assemble() -> None:
    """Lay all pages out in build/docs."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(ROOT / "docs", SOURCE)
    for page in (SOURCE / "how-to").glob("*.md"):  # where pages of the root lie on the site
        text = page.read_text("utf-8")
        for name in ROOT_PAGES:
            text = text.replace(f"](../../{name}", f"](../{name.lower()}")
        page.write_text(text, "utf-8")
    for name in ROOT_PAGES:
        text = (ROOT / name).read_text("utf-8").replace("](docs/", "](")
        (SOURCE / name.lower()).write_text(_mark_repository_paths(text), "utf-8")
    gallery = SOURCE / "gallery"
    gallery.mkdir()
    executed = ROOT / "build" / "notebooks"
    for notebook in sorted((executed if executed.exists() else ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy(notebook, gallery)
    reference = SOURCE / "reference"
    reference.mkdir()
    for name, lines in {
        "api": api_page(),
        "cli": cli_page(),
        "settings": settings_page(),
        "methods": methods_page(),
    }.items():
        (reference / f"{name}.md").write_text("\n".join(lines) + "\n", "utf-8")


def _mark_repository_paths(text: str) -> str:
    """Links to files of the repository, which the site hasn't, as code; links among pages stay."""

    def replace(link: re.Match[str]) -> str:
        label, target = link.groups()
        if "://" in target or target.startswith("#"):
            return link[0]
        path, anchor = re.fullmatch(r"([^#]*)(#.*)?", target).groups("")  # type: ignore[union-attr]
        if path in ROOT_PAGES:
            return f"[{label}]({path.lower()}{anchor})"
        return link[0] if (SOURCE / path).exists() else f"`{path}`"

    return re.sub(r"(?<!!)\[([^]]+)\]\(([^)\s]+)\)", replace, text)


def api_page() -> Iterator[str]:
    """Every public name, from its docstring."""
    yield from ["# Python API", "", "```{eval-rst}", ".. currentmodule:: anomgan", ""]
    for name in anomgan.__all__:
        value = getattr(anomgan, name)
        if isinstance(value, type):
            is_error = issubclass(value, Exception)
            yield f".. auto{'exception' if is_error else 'class'}:: {name}"
            if not is_error:
                hidden = ", ".join(HIDDEN.get(name, []))
                yield from ["   :members:", f"   :exclude-members: {hidden}"]
        elif callable(value):
            yield f".. autofunction:: {name}"
        yield ""
    yield from [
        "```",
        "",
        "## Plots",
        "",
        "```{eval-rst}",
        ".. currentmodule:: anomgan.plotting",
        "",
    ]
    for name in plotting.__all__:
        yield from [f".. autoclass:: {name}", "   :members: from_estimator, plot", ""]
        yield from ["   :inherited-members:", ""]
    yield from ["```", "", "## To derive from", "", "```{eval-rst}"]
    for name in EXTENSIBLE:
        yield from [f".. autoclass:: {name}", "   :members:", ""]
    yield "```"


def cli_page() -> Iterator[str]:
    """Every command with its arguments and options."""
    yield from ["# Commands and options", ""]
    for command, path in _named(make_command(), "anomgan"):
        if hasattr(command, "commands") and path != "anomgan":
            continue
        yield from [f"## {path}", "", command.help or "", ""]
        panels: dict[str, list[Any]] = {}
        for parameter in command.params:
            if not getattr(parameter, "hidden", False):
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or "", []).append(
                    parameter
                )
        for panel, parameters in panels.items():
            yield from [f"**{panel or 'Options'}**", "", "| | |", "|---|---|"]
            for parameter in parameters:
                text = _in_cell(getattr(parameter, "help", None) or "")
                yield f"| {_spelling(parameter)} | {text} |"
            yield ""


def _named(command: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Each command with the words that call it."""
    yield command, path
    for name, below in getattr(command, "commands", {}).items():
        yield from _named(below, f"{path} {name}")


def _spelling(parameter: Any) -> str:
    """An argument's or option's names, and what stands for its value."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    metavar = "" if parameter.is_flag or not parameter.metavar else f" {parameter.metavar}"
    return ", ".join(f"`{name}{metavar}`" for name in parameter.opts)


def settings_page() -> Iterator[str]:
    """Every setting with its defaults and limits."""
    yield from ["# Settings", "", "`--set NAME=VALUE` on the command line and"]
    yield from [
        '`settings={"NAME": value}` in Python change them.  Defaults are those of the preset'
    ]
    yield from ["`balanced` for tables; `anomgan settings` shows the others.", ""]
    for group, settings in groupby(SETTINGS.values(), key=lambda each: each.group):
        yield from [f"## {group.capitalize()}", ""]
        for setting in settings:
            facts, _, text = str(setting).partition("): ")
            yield from [f"- **{_in_cell(facts).replace(' (', '** (', 1)})<br>{_in_cell(text)}"]
        yield ""


def methods_page() -> Iterator[str]:
    """Every GAN with its paper."""
    yield from [
        "# GANs",
        "",
        "| `--method` | paper | its score (`--set score=paper`) |",
        "|---|---|---|",
    ]
    listed = json.loads((ROOT / "anomgan" / "gans" / "methods.json").read_text("utf-8"))
    for each in listed:
        paper = f"{each['paper']}, {each['year']}"
        yield f"| `{each['name']}` | {paper} | {_in_cell(each['score'])} |"


def _in_cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("``", "`").replace("<", "&lt;")


def main() -> int:
    """Assemble and build; the status is Sphinx's."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    from sphinx.cmd.build import build_main

    assemble()
    shutil.rmtree(SITE, ignore_errors=True)
    options = ["-q", "--fail-on-warning", "--keep-going", "--fresh-env", "--doctree-dir"]
    return build_main([*options, str(ROOT / "build" / "doctrees"), str(SOURCE), str(SITE)])


if __name__ == "__main__":
    raise SystemExit(main())
