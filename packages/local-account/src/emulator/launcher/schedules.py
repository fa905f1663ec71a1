"""Schedules of EventBridge rules."""

from ministack.services import eventbridge
from speed import SPEED
from upstream import replace, replaces

# MiniStack checks schedules every 10 s: a minute could take 70 s, and an alarm on missing data would fire.
replace(eventbridge, "_SCHEDULER_TICK_INTERVAL", 1 / SPEED)


@replaces("_parse_rate_seconds", eventbridge)
def shortened_rate(original, expression):
    seconds = original(expression)
    return seconds and seconds / SPEED
