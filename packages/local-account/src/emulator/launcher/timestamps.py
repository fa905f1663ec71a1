"""Times to the millisecond, as AWS states them. MiniStack cuts these to whole seconds, so that a task seems older
than a value that was changed a moment before it was created.
"""

import time
from datetime import datetime

from ministack.services import ecs, secretsmanager
from upstream import replaces


@replaces("_ts_to_epoch", ecs)
def to_the_millisecond(original, value):
    seconds = original(value)
    return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp() if seconds != value else value


@replaces("_create_secret", secretsmanager)
@replaces("_put_secret_value", secretsmanager)
@replaces("_rotate_secret", secretsmanager)
@replaces("_update_secret", secretsmanager)
def date_new_versions(original, data):
    """A function reads from the date of a version whether a task has it."""
    secret_id = data.get("SecretId") or data.get("Name")
    known = set(versions(secret_id))
    now = round(time.time(), 3)
    answer = original(data)
    for version_id, version in versions(secret_id).items():
        if version_id not in known:
            version["CreatedDate"] = now
    return answer


def versions(secret_id):
    _key, secret = secretsmanager._resolve(secret_id)
    return secret["Versions"] if secret else {}
