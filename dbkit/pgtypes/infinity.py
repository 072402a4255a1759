"""The word that stands for what is later, or earlier, than every moment."""

from typing import Literal, TypeAlias

Infinity: TypeAlias = Literal["infinity", "-infinity"]
