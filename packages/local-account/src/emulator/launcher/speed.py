"""How many times faster than on AWS schedules and periods of alarms pass; tests set it."""

import os

SPEED = float(os.environ.get("DBWARD_LOCAL_SPEED") or 1)
