"""Which method learns, and the constants that only one of them has."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

MethodName: TypeAlias = Literal["vgf", "a-vgf", "ifql", "fql"]
"""Value gradient flow, its amortised form, and two rivals: implicit and plain flow Q-learning."""


class IfqlConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Constants of implicit flow Q-learning.

    Attributes:
        expectile: Which expectile of the critic's values the value function learns; 0.5 is their mean.
    """

    expectile: float = 0.9


class FqlConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Constants of flow Q-learning.

    Attributes:
        alpha: Weight of the distillation against the value, to be tuned per task: 300 for cube and scene, 1000 for
            puzzle, 10 for antmaze and antsoccer, 30 for humanoidmaze.
        normalise_value: Divide the value term by the mean size of the values, so that alpha does not depend on it.
    """

    alpha: float = 10.0
    normalise_value: bool = False
