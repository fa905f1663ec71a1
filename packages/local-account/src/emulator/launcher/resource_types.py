"""CloudFormation types that MiniStack lacks.

A template with one unknown type is refused whole, so every type that a stack uses needs an entry here. Each is kept in
the emulator's own store where it has one, so that the service's API shows what CloudFormation made.
"""

import re

from answers import answered, answered_text, made
from ministack.services import backup, cloudwatch, ec2, ecs
from ministack.services.cloudformation import provisioners


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


def create_scalable_target(_logical_id, props, _stack_name):
    parts = (props["ResourceId"], props["ScalableDimension"], props["ServiceNamespace"])
    return "|".join(parts), {"Id": "|".join(parts)}


def create_scaling_policy(logical_id, props, stack_name):
    name = props.get("PolicyName") or physical_id(stack_name, logical_id)
    region, account = provisioners.get_region(), provisioners.get_account_id()
    arn = f"arn:aws:autoscaling:{region}:{account}:scalingPolicy:{stack_name}:policyName/{name}"
    return arn, {"Arn": arn}


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
