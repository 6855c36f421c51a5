"""Errors whose text is written for the person at the keyboard."""

from collections.abc import Iterable


class InputError(Exception):
    """Params, data or registers are not usable as they are.

    Each problem is one sentence: what, where, the value found, what to do.
    A notebook shows the sentences alone, without a traceback.
    """

    def __init__(self, problems: str | Iterable[str]):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))

    def _render_traceback_(self) -> list[str]:
        return self.problems
