"""Frozen values: equal by content, hashable, and picklable without what they have cached."""

import dataclasses
from typing import Any


class Frozen:
    """Base of frozen dataclasses that keep `functools.cached_property` results out of pickles and copies."""

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Frozen":
        return self

    def __copy__(self) -> "Frozen":
        return self
