"""What AWS refuses and MiniStack 1.5.33 accepts, where a deployment or a removal can meet it."""

import json
import time

from ministack.core.responses import error_response_json
from ministack.services import cloudwatch_logs, ecs, kms, secretsmanager
from ministack.services.cloudformation import provisioners
from resource_details import SECRET
from upstream import replaces

# Seconds for which the name of a secret stays in use after a forced deletion; on AWS it can be longer.
NAME_IN_USE_SECONDS = 2

# Memory in MiB that Fargate offers for each number of CPU units.
FARGATE_SIZES = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}
NO_SUCH_SIZE = "No Fargate configuration exists for given values."


def is_fargate_size(cpu, memory):
    """Whether Fargate offers this size; one with a unit, such as `1 vCPU`, is not checked."""
    if not (str(cpu).isdigit() and str(memory).isdigit()):
        return True
    return int(memory) in FARGATE_SIZES.get(int(cpu), ())


TASK_DEFINITION = provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]
LOG_GROUP = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]


@replaces("RegisterTaskDefinition", ecs._ACTION_MAP)
@replaces("_register_task_definition", ecs)
def register_offered_size(original, data):
    is_fargate = "FARGATE" in (data.get("requiresCompatibilities") or [])
    if is_fargate and not is_fargate_size(data.get("cpu", ""), data.get("memory", "")):
        return error_response_json("ClientException", NO_SUCH_SIZE, 400)
    return original(data)


@replaces("create", TASK_DEFINITION)
def create_offered_size(original, logical_id, props, stack_name):
    is_fargate = "FARGATE" in (props.get("RequiresCompatibilities") or [])
    if is_fargate and not is_fargate_size(props.get("Cpu", ""), props.get("Memory", "")):
        raise ValueError(NO_SUCH_SIZE)
    return original(logical_id, props, stack_name)


@replaces("create", LOG_GROUP)
def create_new_log_group(original, logical_id, props, stack_name):
    name = props.get("LogGroupName")
    if name and name in cloudwatch_logs._log_groups:
        identifier = json.dumps({"/properties/LogGroupName": name}, separators=(",", ":"))
        raise ValueError(f"Resource of type 'AWS::Logs::LogGroup' with identifier '{identifier}' already exists.")
    return original(logical_id, props, stack_name)


def secret_refusal(name, key):
    """Code and message with which Secrets Manager refuses to create a secret; None when it does not."""
    existing = secretsmanager._secrets.get(name)
    purged = purged_secrets.get((provisioners.get_account_id(), provisioners.get_region(), name), 0)
    if (existing and existing.get("DeletedDate")) or time.monotonic() - purged < NAME_IN_USE_SECONDS:
        return (
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    if existing:
        return (
            "ResourceExistsException",
            f"The operation failed because the secret {name} already exists.",
        )
    if is_missing_key(key):
        return (
            "EncryptionFailure",
            "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
            "Check that the key is available, enabled, and not in an invalid state.",
        )
    return None


def is_missing_key(key):
    """Whether the key is one of this account and doesn't exist. Keys that AWS manages always exist."""
    if not key or "alias/aws/" in key or (key.startswith("arn:") and f":{provisioners.get_account_id()}:" not in key):
        return False
    return kms._resolve_key(key) is None


# When secrets were deleted without a recovery window, by account, region and name.
purged_secrets = {}


@replaces("_create_secret", secretsmanager)
def create_secret(original, data):
    refusal = data.get("Name") and secret_refusal(data["Name"], data.get("KmsKeyId"))
    return error_response_json(*refusal, 400) if refusal else original(data)


@replaces("create", SECRET)
def create_secret_of_stack(original, logical_id, props, stack_name):
    refusal = secret_refusal(props.get("Name", ""), props.get("KmsKeyId"))
    if refusal:
        raise ValueError(f"{refusal[1]} (Service: AWSSecretsManager; Error Code: {refusal[0]})")
    return original(logical_id, props, stack_name)


@replaces("_purge_secret", secretsmanager)
def purge_secret(original, key, secret):
    original(key, secret)
    scope = (provisioners.get_account_id(), provisioners.get_region())
    purged_secrets[(*scope, secret["Name"])] = time.monotonic()
