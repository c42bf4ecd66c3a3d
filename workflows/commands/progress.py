"""Progress bars for the command line."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from tqdm import tqdm


class ProgressBar:
    """A Progress that draws one bar a step on standard error.

    Example:
        >>> with ProgressBar(disable=True) as progress:
        ...     progress("reading", 1, 2)
    """

    def __init__(self, *, disable: bool | None = None) -> None:
        # None lets tqdm draw only on a terminal, so logs and pipes stay clean.
        self._disable = disable
        self._bar: tqdm[Any] | None = None
        self._step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        # A figure in brackets changes from call to call; the bar stays.
        name = step.partition(" (")[0]
        if self._bar is None or name != self._step:
            self.close()
            self._step = name
            self._bar = tqdm(total=total, disable=self._disable)
        self._bar.set_description(step, refresh=False)
        self._bar.total = total
        self._bar.n = done
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
