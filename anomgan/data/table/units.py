"""What stands before or behind a number: units, currencies, and letters for powers of ten."""

from __future__ import annotations

from functools import lru_cache

POWERS = {
    "k": 1e3, "K": 1e3, "tsd": 1e3, "thousand": 1e3,
    "M": 1e6, "Mio": 1e6, "mn": 1e6, "million": 1e6,
    "B": 1e9, "G": 1e9, "bn": 1e9, "Mrd": 1e9, "billion": 1e9,
    "T": 1e12, "trillion": 1e12,
}  # fmt: skip
"""Letters and words behind a number that multiply it, as in 24.3K."""

AMBIGUOUS_POWERS = frozenset("KBGT")
"""Those of them that are units, too (kelvin, byte, gauss, tesla), if all cells have the same."""

_SI_PREFIXES = {
    "n": 1e-9, "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6,
    "G": 1e9, "T": 1e12,
}  # fmt: skip
_SI_UNITS = [
    "s",
    "m",
    "g",
    "W",
    "Wh",
    "V",
    "A",
    "VA",
    "Hz",
    "J",
    "eV",
    "Pa",
    "bar",
    "N",
    "F",
    "Ω",
    "L",
    "l",
    "mol",
    "B",
    "bit",
    "bps",
]

_OTHER_UNITS = {
    "sec": ("s", 1.0), "secs": ("s", 1.0), "min": ("s", 60.0), "mins": ("s", 60.0),
    "h": ("s", 3600.0), "hr": ("s", 3600.0), "hrs": ("s", 3600.0), "d": ("s", 86400.0),
    "cm": ("m", 1e-2), "cl": ("l", 1e-2), "hPa": ("Pa", 1e2), "KB": ("B", 1e3),
    "KiB": ("B", 2.0**10), "MiB": ("B", 2.0**20), "GiB": ("B", 2.0**30), "TiB": ("B", 2.0**40),
}  # fmt: skip

_KNOWN_UNITS = _OTHER_UNITS | {
    f"{prefix}{unit}": (unit, factor)
    for unit in _SI_UNITS
    for prefix, factor in _SI_PREFIXES.items()
}
"""Unit -> what it is a multiple of, and of how many."""

_SPELLINGS = {
    "ºC": "°C", "˚C": "°C", "℃": "°C", "degC": "°C", "deg.C": "°C",
    "ºF": "°F", "˚F": "°F", "℉": "°F", "degF": "°F", "deg.F": "°F",
    "percent": "%", "pct": "%", "US$": "$", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥",
}  # fmt: skip

_NOT_UNITS = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    "am", "pm", "st", "nd", "rd", "th",
}  # fmt: skip


CURRENCIES = frozenset(
    {
        "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "INR",
        "AUD", "CAD", "NZD", "BRL", "MXN", "ZAR", "RUB", "TRY", "KRW", "SGD", "HKD",
        "R$", "A$", "C$", "US$", "Fr", "Rs", "kr", "zł", "Kč", "Ft",
    }
)  # fmt: skip
"""Currencies that are written in letters."""


@lru_cache(4096)
def normalize_unit(text: str) -> str:
    """One spelling of a unit: without dots at its end or blanks after a degree sign."""
    bare = text.strip().removesuffix(".").replace("° ", "°")
    return _SPELLINGS.get(bare, bare)


def is_unit(text: str) -> bool:
    """Whether this can be a unit; names of months and ends of ordinals can't."""
    return text.strip(". ").lower() not in _NOT_UNITS


def is_convertible(unit: str) -> bool:
    """Whether there are multiples of a unit, such as ms and s."""
    return unit in _KNOWN_UNITS


def is_known_unit(unit: str) -> bool:
    """Whether this is a unit beyond doubt: letters such as those of seats, 12A, aren't."""
    return len(unit) > 1 or not unit.isalpha() or unit in "smgh"


@lru_cache(4096)
def convert(prefix: str, suffix: str, unit: str) -> float | None:
    """By what to multiply a number to have it in a column's unit.

    Args:
        prefix: What stands before the number: a currency, or nothing.
        suffix: What stands behind it: a unit, a power of ten, a currency, or nothing.
        unit: The column's unit; empty if it has none.

    Returns:
        The factor, 1 for numbers without any unit; None if the two units are of different kinds.
    """
    prefix, suffix = normalize_unit(prefix), normalize_unit(suffix)
    if prefix and suffix == prefix:
        suffix = ""
    if prefix and suffix in POWERS:
        return POWERS[suffix] if prefix == unit else None
    if prefix and suffix:
        return None
    written = prefix or suffix
    if written in ("", unit):
        return 1.0
    if written in _KNOWN_UNITS and unit in _KNOWN_UNITS:
        (base, factor), (wanted, scale) = _KNOWN_UNITS[written], _KNOWN_UNITS[unit]
        return factor / scale if base == wanted else None
    if suffix in POWERS and (not unit or is_currency(unit)):
        return POWERS[suffix]
    return 1.0 if written.casefold() == unit.casefold() else None


def is_currency(unit: str) -> bool:
    """Whether a unit is money, which powers of ten may follow."""
    return unit in CURRENCIES or (len(unit) == 1 and not unit.isalnum() and unit not in "°%‰")
