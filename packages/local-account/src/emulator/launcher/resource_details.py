"""What MiniStack's own CloudFormation types and records leave out."""

from answers import answered
from ministack.services import ec2, ecs, lambda_svc, secretsmanager
from ministack.services.cloudformation import provisioners
from resource_types import physical_id
from upstream import replaces

SERVICE = provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]
FUNCTION = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
TASK_DEFINITION = provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]
SECRET = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]


@replaces("create", SERVICE)
def create_service(_original, logical_id, props, stack_name):
    """As the emulator's own, which leaves out ECS Exec, managed tags, Cloud Map and the grace period."""
    request = provisioners._pascal_to_camel(with_count(props))
    request["serviceName"] = props.get("ServiceName") or physical_id(stack_name, logical_id)
    deployment_configuration = provisioners._ecs_deployment_configuration(props)
    if deployment_configuration is not None:
        request["deploymentConfiguration"] = deployment_configuration
    service = answered(ecs._create_service(request))["service"]
    return service["serviceArn"], {"ServiceArn": service["serviceArn"], "Name": service["serviceName"]}


@replaces("update", SERVICE)
def update_service(original, physical_id, old_props, new_props, stack_name):
    """CloudFormation sends the count of the template with every change, even after the service was scaled by hand."""
    without_count = {name: value for name, value in old_props.items() if name != "DesiredCount"}
    return original(physical_id, without_count, with_count(new_props), stack_name)


def with_count(props):
    """The value of a parameter is text, also where the property is a number."""
    return {**props, "DesiredCount": int(props["DesiredCount"])} if "DesiredCount" in props else props


@replaces("create", TASK_DEFINITION)
@replaces("_ecs_task_def_create", provisioners)
def create_task_definition(original, logical_id, props, stack_name):
    """The emulator's own leaves volumes and secrets in CloudFormation's spelling, which differs from the API's."""
    containers = [
        {**each, "Secrets": in_api_spelling(each["Secrets"])} if "Secrets" in each else each
        for each in props.get("ContainerDefinitions", [])
    ]
    volumes = in_api_spelling(props.get("Volumes", []))
    return original(logical_id, {**props, "ContainerDefinitions": containers, "Volumes": volumes}, stack_name)


SPECIAL_NAMES = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}


def in_api_spelling(value):
    if isinstance(value, list):
        return [in_api_spelling(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        SPECIAL_NAMES.get(name, name[:1].lower() + name[1:]): in_api_spelling(each) for name, each in value.items()
    }


@replaces("create", SECRET)
def create_secret(original, logical_id, props, stack_name):
    """A secret without a value has no version on AWS; the emulator creates one with an empty value."""
    name, attributes = original(logical_id, props, stack_name)
    if "SecretString" not in props and "GenerateSecretString" not in props:
        secretsmanager._secrets[name]["Versions"] = {}
    return name, attributes


@replaces("create", FUNCTION)
@replaces("update", FUNCTION)
def function_in_vpc(original, *arguments, **options):
    """Creates or updates a function with its place in the VPC, which the emulator's own handlers leave out."""
    name, attributes = original(*arguments, **options)
    props = next(it for it in reversed(arguments) if isinstance(it, dict))
    config = lambda_svc._functions[name]["config"]
    config["VpcConfig"] = lambda_svc._vpc_config_with_id(props.get("VpcConfig"))
    return name, attributes


@replaces("_sanitize", ecs)
def as_shown(original, record):
    """A task of a service names the deployment that started it; the emulator shows the service's name there, by
    which it finds the tasks of a service again."""
    shown = original(record)
    if isinstance(record, dict) and record.get("_deployment_id"):
        shown["startedBy"] = record["_deployment_id"]
    return shown


@replaces("_vpce_fields_xml", ec2)
def vpc_endpoint_with_groups(original, endpoint, tag="item"):
    """The emulator leaves out who may call an endpoint, and whether the service's own name leads there."""
    groups = "".join(f"<item><groupId>{it}</groupId></item>" for it in endpoint.get("SecurityGroupIds", []))
    private_dns = str(endpoint.get("PrivateDnsEnabled", True)).lower()
    more = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private_dns}</privateDnsEnabled>"
    return original(endpoint, tag).replace("<subnetIdSet>", f"{more}<subnetIdSet>")


@replaces("RunTask", ecs._ACTION_MAP)
@replaces("_run_task", ecs)
def run_task_in_network(original, data):
    """A task's record has the network configuration that it was started with; the emulator forgets it."""
    answer = original(data)
    network = data.get("networkConfiguration")
    if network and answer[0] < 400:
        for task in answered(answer).get("tasks", []):
            ecs._tasks[task["taskArn"]]["networkConfiguration"] = network
    return answer
