"""Who may use a file: an advisory lock that ends with the process that holds it."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import msvcrt

    def try_lease(fd: int) -> bool:
        """Lease the open file *fd* until it is closed; False when another process has it."""
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lease(fd: int) -> bool:
        """Lease the open file *fd* until it is closed; False when another process has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
