"""Starts MiniStack with what version 1.5.33 lacks: CloudFormation types above all.

A template with one unknown type is refused whole, so every type that a stack uses needs an entry here. Each is
kept in the emulator's own store where it has one, so that the service's API shows what CloudFormation made.

It listens on a Unix domain socket, whose path is the only argument: every program of the machine may call a port,
and nothing here checks who calls.

The process ends with the one that started it: that one holds the other end of standard input.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import threading

import cloudwatch_alarms
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.core import lambda_runtime
from ministack.services import backup, cloudwatch, ec2, ecs, eventbridge, lambda_svc, secretsmanager
from ministack.services.cloudformation import changesets, engine, provisioners, stacks


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


def physical_id(stack_name, logical_id):
    return f"{stack_name}-{logical_id}"


def register(resource_type, create, delete, update=None):
    """`create(logical_id, props, stack_name)` and `update(physical_id, old, new, stack_name)` return the physical
    id and the attributes; without an update a change makes the resource anew."""

    def replace(old_id, old_props, new_props, stack_name, logical_id):
        delete(old_id, old_props)
        return create(logical_id, new_props, stack_name)

    handlers = {"create": create, "delete": delete}
    if update:
        handlers["update"] = update
    else:
        handlers.update(update=replace, update_with_logical_id=True)
    provisioners._RESOURCE_HANDLERS.setdefault(resource_type, handlers)


def security_group_rule(direction):
    store = "IpPermissionsEgress" if direction == "egress" else "IpPermissions"
    is_egress = direction == "egress"

    def create(_logical_id, props, _stack_name):
        group_id = props["GroupId"]
        if group_id not in ec2._security_groups:
            raise ValueError(f"The security group '{group_id}' does not exist")
        [rule] = provisioners._ec2_sg_permissions([props])
        rule_id = ec2._sg_rule_id(group_id, is_egress, rule)
        rule["SecurityGroupRuleId"] = rule_id
        ec2._security_groups[group_id][store].append(rule)
        return rule_id, {"Id": rule_id}

    def delete(rule_id, props):
        group = ec2._security_groups.get(props.get("GroupId"))
        if group:
            group[store] = [rule for rule in group[store] if rule.get("SecurityGroupRuleId") != rule_id]

    return create, delete


def create_address(_logical_id, props, _stack_name):
    answer = ec2._allocate_address({"Domain": [props.get("Domain", "vpc")]})
    allocation_id = made(answer, "allocationId")
    provisioners._ec2_apply_tags(allocation_id, props)
    public_ip = ec2._addresses[allocation_id]["PublicIp"]
    return public_ip, {"AllocationId": allocation_id, "PublicIp": public_ip}


def delete_address(public_ip, _props):
    for allocation_id, address in list(ec2._addresses.items()):
        if address["PublicIp"] == public_ip:
            ec2._release_address({"AllocationId": [allocation_id]})


def create_nat_gateway(_logical_id, props, _stack_name):
    fields = ("SubnetId", "AllocationId", "ConnectivityType")
    answer = ec2._create_nat_gateway({field: [props[field]] for field in fields if field in props})
    gateway_id = made(answer, "natGatewayId")
    provisioners._ec2_apply_tags(gateway_id, props)
    return gateway_id, {"NatGatewayId": gateway_id}


def delete_nat_gateway(gateway_id, _props):
    ec2._delete_nat_gateway({"NatGatewayId": [gateway_id]})


def create_flow_log(_logical_id, props, _stack_name):
    fields = ("ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName")
    request = {field: [props[field]] for field in fields if field in props}
    answer = ec2._create_flow_logs({**request, "ResourceId.1": [props["ResourceId"]]})
    flow_log_id = re.search("<item>([^<]*)</item>", answered_text(answer)).group(1)
    provisioners._ec2_apply_tags(flow_log_id, props)
    return flow_log_id, {"Id": flow_log_id}


def delete_flow_log(flow_log_id, _props):
    ec2._delete_flow_logs({"FlowLogId.1": [flow_log_id]})


def create_backup_selection(_logical_id, props, _stack_name):
    plan_id = props["BackupPlanId"]
    made = answered(backup._create_selection(plan_id, {"BackupSelection": props["BackupSelection"]}))
    selection_id = made["SelectionId"]
    attributes = {"Id": selection_id, "SelectionId": selection_id, "BackupPlanId": plan_id}
    return selection_id, attributes


def delete_backup_selection(selection_id, props):
    backup._delete_selection(props.get("BackupPlanId"), selection_id)


def put_composite_alarm(name, props):
    answered(cloudwatch._put_composite_alarm({}, {**props, "AlarmName": name}, False, is_json=True))
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def create_composite_alarm(logical_id, props, stack_name):
    return put_composite_alarm(props.get("AlarmName") or physical_id(stack_name, logical_id), props)


def update_composite_alarm(name, old_props, new_props, _stack_name):
    if old_props.get("AlarmName") != new_props.get("AlarmName"):
        answered(cloudwatch._delete_alarms({}, {"AlarmNames": [name]}, False, is_json=True))
        name = new_props.get("AlarmName") or name
    return put_composite_alarm(name, new_props)


def delete_composite_alarm(name, _props):
    answered(cloudwatch._delete_alarms({}, {"AlarmNames": [name]}, False, is_json=True))


def put_capacity_providers(cluster_name, props):
    cluster = ecs._clusters.get(ecs._resolve_cluster_name(cluster_name))
    if cluster is None:
        raise ValueError(f"Cluster '{cluster_name}' not found")
    cluster["capacityProviders"] = list(props.get("CapacityProviders") or [])
    cluster["defaultCapacityProviderStrategy"] = [
        {key[0].lower() + key[1:]: value for key, value in item.items()}
        for item in props.get("DefaultCapacityProviderStrategy") or []
    ]
    return cluster_name, {}


def create_capacity_providers(_logical_id, props, _stack_name):
    return put_capacity_providers(props["Cluster"], props)


def update_capacity_providers(_physical_id, _old_props, new_props, _stack_name):
    return put_capacity_providers(new_props["Cluster"], new_props)


def delete_capacity_providers(_physical_id, props):
    # The cluster may be gone already, and then there is nothing to take from it.
    if props.get("Cluster") and ecs._resolve_cluster_name(props["Cluster"]) in ecs._clusters:
        put_capacity_providers(props["Cluster"], {})


def create_service(logical_id, props, stack_name):
    """As the emulator's own, which leaves out ECS Exec, managed tags, Cloud Map and the grace period."""
    request = provisioners._pascal_to_camel(props)
    request["serviceName"] = props.get("ServiceName") or physical_id(stack_name, logical_id)
    deployment_configuration = provisioners._ecs_deployment_configuration(props)
    if deployment_configuration is not None:
        request["deploymentConfiguration"] = deployment_configuration
    service = answered(ecs._create_service(request))["service"]
    return service["serviceArn"], {"ServiceArn": service["serviceArn"], "Name": service["serviceName"]}


def create_scalable_target(_logical_id, props, _stack_name):
    parts = (props["ResourceId"], props["ScalableDimension"], props["ServiceNamespace"])
    return "|".join(parts), {"Id": "|".join(parts)}


def create_scaling_policy(logical_id, props, stack_name):
    name = props.get("PolicyName") or physical_id(stack_name, logical_id)
    region, account = provisioners.get_region(), provisioners.get_account_id()
    arn = f"arn:aws:autoscaling:{region}:{account}:scalingPolicy:{stack_name}:policyName/{name}"
    return arn, {"Arn": arn}


create_any_secret = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]["create"]


def create_secret(logical_id, props, stack_name):
    """A secret without a value has no version on AWS; the emulator gives it one with an empty value."""
    name, attributes = create_any_secret(logical_id, props, stack_name)
    if "SecretString" not in props and "GenerateSecretString" not in props:
        secretsmanager._secrets[name]["Versions"] = {}
    return name, attributes


def keep_nothing(_physical_id, _props):
    """The emulator has no store for the type: the stack alone remembers it."""


register("AWS::EC2::SecurityGroupIngress", *security_group_rule("ingress"))
register("AWS::EC2::SecurityGroupEgress", *security_group_rule("egress"))
register("AWS::EC2::EIP", create_address, delete_address)
register("AWS::EC2::NatGateway", create_nat_gateway, delete_nat_gateway)
register("AWS::EC2::FlowLog", create_flow_log, delete_flow_log)
register("AWS::Backup::BackupSelection", create_backup_selection, delete_backup_selection)
register(
    "AWS::CloudWatch::CompositeAlarm", create_composite_alarm, delete_composite_alarm, update_composite_alarm
)
register(
    "AWS::ECS::ClusterCapacityProviderAssociations",
    create_capacity_providers,
    delete_capacity_providers,
    update_capacity_providers,
)
register("AWS::ApplicationAutoScaling::ScalableTarget", create_scalable_target, keep_nothing)
register("AWS::ApplicationAutoScaling::ScalingPolicy", create_scaling_policy, keep_nothing)
provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]["create"] = create_service
provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]["create"] = create_secret
# Schedules are looked at every 10 s, which makes a minute up to 70 s long and an alarm on missing data fire.
eventbridge._SCHEDULER_TICK_INTERVAL = 1


without_internals = ecs._sanitize


def as_shown(record):
    """A task of a service names the deployment that started it; the emulator shows the service's name there, by
    which it finds the tasks of a service again."""
    shown = without_internals(record)
    if isinstance(record, dict) and record.get("_deployment_id"):
        shown["startedBy"] = record["_deployment_id"]
    return shown


ecs._sanitize = as_shown


ADDRESSES = json.loads(os.environ.pop("DBWARD_LOCAL_ADDRESSES", "{}"))


class Worker(lambda_runtime.Worker):
    """A function that finds what is in its VPC: names there mean nothing here, so its environment has the addresses
    that stand for them."""

    def __init__(self, func_name, config, code_zip):
        environment = config.get("Environment") or {}
        variables = {name: local_address(value) for name, value in environment.get("Variables", {}).items()}
        super().__init__(func_name, {**config, "Environment": {**environment, "Variables": variables}}, code_zip)


def local_address(text):
    for name, address in ADDRESSES.items():
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?!\d)", address, text)
    return text


lambda_runtime.Worker = Worker


def keys_of_the_run(_config):
    """Functions sign with the keys that the account takes; the emulator would give them the account's id as a key."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return {**{name: os.environ[name] for name in names}, "AWS_SESSION_TOKEN": ""}


for module in (lambda_runtime, lambda_svc):
    module.execution_credentials = keys_of_the_run


order_by_dependencies = engine._topological_sort


def custom_resources_last(resources, conditions):
    """An order of creation in which custom resources, and what depends on them, come after all the rest.

    The emulator creates one resource at a time; AWS creates what doesn't depend on each other at the same time. A
    function that waits for something beside it would here wait for what is made only after it.
    """
    order = order_by_dependencies(resources, conditions)
    late = {name for name in order if resources[name].get("Type", "").startswith(CUSTOM_TYPES)}
    for name in order:
        if not late.isdisjoint(engine._extract_deps(resources[name], resources.keys())):
            late.add(name)
    return sorted(order, key=late.__contains__)  # it is stable: within each half the order stays


CUSTOM_TYPES = ("Custom::", "AWS::CloudFormation::CustomResource")
for module in (engine, stacks, changesets):
    module._topological_sort = custom_resources_last


def end_with_parent(socket_path):
    # Not sys.stdin: a thread inside its lock breaks the interpreter's shutdown.
    while os.read(0, 1024):
        pass
    # Who would remove the socket and its folder is gone, or is about to do it as well.
    with contextlib.suppress(OSError):
        os.unlink(socket_path)
        os.rmdir(os.path.dirname(socket_path))
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


cloudwatch_alarms.install()
threading.Thread(target=end_with_parent, args=(sys.argv[1],), daemon=True).start()
serve_on(sys.argv[1])
