"""Errors that are told in one sentence."""


class Sentence(Exception):
    """An error whose message says all: what is wrong, where, and what to do. IPython shows that line and no traceback."""

    def _render_traceback_(self, *_) -> list[str]:
        return [f"{type(self).__name__}: {self}"]
