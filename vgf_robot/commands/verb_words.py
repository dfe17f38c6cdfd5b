"""The words that may follow a verb on the command line, read from the record of its options."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tyro

from vgf_robot.errors import MachineError
from vgf_robot.verbs import VERBS, options_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionWords:
    """One option.

    Attributes:
        name: With its dashes.
        takes_value: Whether another word follows.
        choices: What that may be; empty where it may be anything.
    """

    name: str
    takes_value: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbWords:
    """One verb.

    Attributes:
        name: The verb.
        summary: What it does.
        options: In the order of its help; empty where its package is not installed.
        places: What may stand without an option before it, beside the names of files.
    """

    name: str
    summary: str
    options: tuple[OptionWords, ...] = ()
    places: tuple[str, ...] = ()


def verb_words(name: str, bundles: tuple[str, ...]) -> VerbWords:
    """Return a verb's words; imports its module.

    Args:
        name: The verb.
        bundles: Names of shipped bundles, for verbs that take one.
    """
    try:
        record = options_of(name)
    except MachineError:
        return VerbWords(name=name, summary=VERBS[name].summary)
    options: list[OptionWords] = []
    places: tuple[str, ...] = ()
    hints = get_type_hints(record, include_extras=True)
    for field in fields(record):
        hint = hints[field.name]
        if tyro.conf.Positional in _markers(hint):
            places += _choices(hint) or (bundles if field.name == "bundle" else ())
        else:
            options += _options(field.name, hint)
    return VerbWords(name=name, summary=VERBS[name].summary, options=tuple(options), places=places)


def _options(name: str, hint: Any) -> list[OptionWords]:
    dashed = name.replace("_", "-")
    if _plain(hint) is not bool:
        return [OptionWords(name=f"--{dashed}", takes_value=True, choices=_choices(hint))]
    flag = OptionWords(name=f"--{dashed}", takes_value=False)
    if tyro.conf.FlagCreatePairsOff in _markers(hint):
        return [flag]
    return [flag, OptionWords(name=f"--no-{dashed}", takes_value=False)]


def _markers(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__metadata__", ())


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if _markers(hint) else hint


def _choices(hint: Any) -> tuple[str, ...]:
    """Return the words of every Literal in a type."""
    if get_origin(hint) is Literal:
        return tuple(map(str, get_args(hint)))
    return tuple(word for part in get_args(hint) for word in _choices(part))
