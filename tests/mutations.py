"""Content that is nearly right: copies of something valid with a few places changed."""

from __future__ import annotations

import copy
import random
from typing import Any

PLAIN = (
    None,
    True,
    -1,
    0,
    2**63 - 1,
    2**64 - 1,
    -(2**63),
    1e308,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x" * 300,
    [],
    {},
)
ODD = (b"", b"\xff" * 12, [[]] * 4, {"": {}}, "\ud7ff", [1e999, -1e999])


def mutated(content: Any, generator: random.Random, *, binary: bool = True) -> Any:
    """Return a copy with one to three places changed: a value replaced, dropped, doubled, renamed or wrapped.

    Args:
        content: Maps, lists and what they hold.
        generator: Decides where and how.
        binary: Whether values may be bytes, which JSON has none of.
    """
    changed = copy.deepcopy(content)
    for _ in range(generator.randint(1, 3)):
        places = [place for place in _places(changed) if place[0]]
        if not places:
            return generator.choice(PLAIN)
        _change(*generator.choice(places), generator, PLAIN + ODD if binary else PLAIN)
    return changed


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Return every container with every key or index into it."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [(content, key) for key in keys] + [place for key in keys for place in _places(content[key])]


def _change(container: Any, key: Any, generator: random.Random, values: tuple[Any, ...]) -> None:
    way = generator.choice(("replace", "replace", "drop", "rename", "wrap", "swap"))
    if way == "drop":
        del container[key]
    elif way == "rename" and isinstance(container, dict):
        container[generator.choice((f"{key}x", "", "type", str(key).upper()))] = container.pop(key)
    elif way == "wrap":
        container[key] = generator.choice(([container[key]], {"a": container[key]}, [container[key]] * 3))
    elif way == "swap":
        other = generator.choice(list(container) if isinstance(container, dict) else range(len(container)))
        container[key], container[other] = container[other], container[key]
    else:
        container[key] = copy.deepcopy(generator.choice(values))
