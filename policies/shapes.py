"""Array shapes by name; checked at run time in the tests.

Axes: `batch` states, `particle` N, `member` E of the critic ensemble, `action` A, `observation` O. A leading `*batch`
stands for any number of axes, none included, so that one code serves training (a batch) and export (one state).
"""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

Observations: TypeAlias = Float[Tensor, "*batch observation"]
Actions: TypeAlias = Float[Tensor, "*batch action"]
Particles: TypeAlias = Float[Tensor, "*batch particle action"]
ParticleValues: TypeAlias = Float[Tensor, "*batch particle"]
EnsembleValues: TypeAlias = Float[Tensor, "member *batch"]
