"""Events of EventBridge about changes of SSM parameters, which MiniStack doesn't send.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
"""

import json

from ministack.services import eventbridge, ssm
from upstream import replaces


def send(operation, name, parameter):
    detail = {"operation": operation, "name": name, "type": parameter["Type"]}
    if parameter["Description"]:
        detail["description"] = parameter["Description"]
    entry = {
        "Source": "aws.ssm",
        "DetailType": "Parameter Store Change",
        "Resources": [parameter["ARN"]],
        "Detail": json.dumps(detail),
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


@replaces("_put_parameter", ssm)
def put_and_tell(original, data):
    name = data.get("Name")
    before = ssm._parameters.get(name)
    answer = original(data)
    after = ssm._parameters.get(name)
    if after is not None and after is not before:
        send("Update" if before else "Create", name, after)
    return answer


@replaces("_delete_parameter", ssm)
def delete_and_tell(original, data):
    name = data.get("Name")
    before = ssm._parameters.get(name)
    answer = original(data)
    if before is not None and name not in ssm._parameters:
        send("Delete", name, before)
    return answer
