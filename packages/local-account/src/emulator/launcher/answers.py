"""Answers of MiniStack's own functions, which come as `(status, headers, body)`."""

import json
import re


def answered_text(answer):
    """The body of a service's answer; its error becomes the reason of the stack's failure."""
    status, _headers, body = answer
    text = body.decode() if isinstance(body, bytes) else body
    if status >= 400:
        raise ValueError(text)
    return text


def answered(answer):
    text = answered_text(answer)
    return json.loads(text) if text else {}


def made(answer, element):
    """The text of an element of an EC2 answer, such as the id of what was made."""
    return re.search(f"<{element}>([^<]*)</{element}>", answered_text(answer)).group(1)
