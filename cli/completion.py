"""What shells offer as values of options; nothing here imports what is slow to import."""

from __future__ import annotations


def complete_method(incomplete: str) -> list[str]:
    """Names of methods, also of installed plug-ins; no code of theirs is run."""
    from anomgan.cli.methods import list_methods
    from anomgan.plugins.lookup import list_installed
    from anomgan.plugins.registry import GANS

    names = [each["name"] for each in list_methods()]
    return _begin_with(incomplete, [*names, *list_installed(GANS)])


def complete_preset(incomplete: str) -> list[str]:
    """Names of presets."""
    from anomgan.config import PRESETS

    return _begin_with(incomplete, list(PRESETS))


def complete_setting(incomplete: str) -> list[str]:
    """Names of settings, and the equals sign; then the values of one that has few."""
    from anomgan.config import SETTINGS

    name, equals, _ = incomplete.partition("=")
    if not equals:
        return _begin_with(incomplete, [f"{each}=" for each in SETTINGS])
    choices = SETTINGS[name].choices or () if name in SETTINGS else ()
    return _begin_with(incomplete, [f"{name}={choice}" for choice in choices])


def complete_sample(incomplete: str) -> list[str]:
    """Names of sample data sets."""
    from anomgan.data.samples import list_samples

    return _begin_with(incomplete, [sample.name for sample in list_samples()])


def _begin_with(incomplete: str, values: list[str]) -> list[str]:
    return [value for value in values if value.startswith(incomplete)]
