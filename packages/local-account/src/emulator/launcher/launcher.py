"""Starts MiniStack, completed by the other modules of this folder.

It listens on a Unix domain socket, whose path is the only argument: every program of the machine may call a port,
and nothing here checks who calls.

The process ends with the one that started it: that one holds the other end of standard input.
"""

import asyncio
import os
import shutil
import signal
import sys
import threading

import upstream

upstream.check_version()

# Each module puts its parts in place when it is imported.
import alarms
import functions
import parameter_events
import refusals
import schedules
import stack_rules
import timestamps
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app


def end_with_parent(socket_path):
    # Not sys.stdin: a thread inside its lock breaks the interpreter's shutdown.
    while os.read(0, 1024):
        pass
    # The parent, which removes the socket and its folder, may have been killed.
    shutil.rmtree(os.path.dirname(socket_path), ignore_errors=True)
    # The functions' processes are in this process group too.
    os.killpg(os.getpgrp(), signal.SIGTERM)


def serve_on(socket_path):
    """What the emulator's own command does, which listens on a port."""
    config = Config()
    config.bind = [f"unix:{socket_path}"]
    config.umask = 0o077
    config.keep_alive_timeout = 75
    config.loglevel = app.LOG_LEVEL.upper()
    asyncio.run(serve(app.app, config))


alarms.start()
threading.Thread(target=end_with_parent, args=(sys.argv[1],), daemon=True).start()
serve_on(sys.argv[1])
