"""For all tests: the interrupt that several of them send reaches what they start."""

from __future__ import annotations

import signal

# A shell that runs the tests in the background ignores Ctrl-C for them, and every process started here would do so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
