"""Progress bars for the command line."""

from __future__ import annotations

from types import TracebackType

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
        self._bar: tqdm[None] | None = None
        self._step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        bar = self._bar
        if bar is None or step != self._step:
            self.close()
            bar = self._bar = tqdm(total=total, desc=step, disable=self._disable)
            self._step = step
        bar.total = total
        bar.n = done
        bar.refresh()

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
