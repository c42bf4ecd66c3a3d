"""How the threads of a numerical library behave while they wait for one another."""

from __future__ import annotations

from collections.abc import MutableMapping


def rest_while_waiting(environ: MutableMapping[str, str]) -> None:
    """Let OpenMP threads sleep instead of spin, unless ``environ`` says otherwise.

    Spinning threads of one process take the processor from those of another: two processes that
    segment on two cores made 0.25 and 0.75 images a second spinning, 6 each sleeping, and one alone
    beside other load 3.4 against 8.8. It has to be set before torch is loaded.

    Example:
        >>> environ = {}
        >>> rest_while_waiting(environ)
        >>> environ
        {'OMP_WAIT_POLICY': 'PASSIVE'}
    """
    environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
