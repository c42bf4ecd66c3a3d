"""How a process of numerical work treats the processor and the memory."""

from __future__ import annotations

import ctypes
from collections.abc import MutableMapping

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Options of mallopt(3)."""


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


def keep_freed_memory() -> bool:
    """Let this process use memory again that it freed, instead of returning it to the system.

    Every step of a training allocates and frees the same large tensors. By default each comes from
    the system anew, page by page: a step of a U-Net took 3.5 s, 2.5 s with the memory kept, for a
    tenth more of it. Not for a process that lives long beside others.

    Returns:
        Whether the C library knows how; only the GNU one does.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    wanted = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**28}
    return all(mallopt(option, value) == 1 for option, value in wanted.items())
