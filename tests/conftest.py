"""For all tests: the databases that they start from, and the interrupt that several send reaches what they start."""

from __future__ import annotations

import signal

pytest_plugins = ["tests.support.asking", "tests.support.fixtures"]

# A shell that runs the tests in the background ignores Ctrl-C for them, and every process started here would do so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
