"""MiniStack's private functions, and the version whose private functions this folder replaces.

MiniStack has no extension points: its configuration is environment variables, and what this folder adds goes into its
modules. That is only right for the version that it was written for.
"""

import functools
import importlib.metadata
import sys

VERSION = "1.5.33"


def check_version():
    """Ends the process when another version is installed."""
    found = importlib.metadata.version("ministack")
    if found != VERSION:
        sys.exit(
            f"MiniStack {found} is installed, and the launcher replaces private functions of MiniStack {VERSION}. "
            f"Install the versions of requirements.txt. To move to {found}, compare each function that is replaced in "
            "packages/local-account/src/emulator/launcher with its new original, then change VERSION in upstream.py."
        )


def replace(owner, name, part):
    """Puts `part` in the place of a private part of a module or a dictionary. Returns the original.

    Raises AttributeError or KeyError when the owner has nothing of that name.
    """
    if isinstance(owner, dict):
        original, owner[name] = owner[name], part
    else:
        original = getattr(owner, name)
        setattr(owner, name, part)
    return original


def replaces(name, *owners):
    """As `replace`, for the function that follows. It gets the original as its first argument."""

    def decorate(function):
        for owner in owners:
            original = replace(owner, name, None)
            replace(owner, name, functools.partial(function, original))
        return function

    return decorate
