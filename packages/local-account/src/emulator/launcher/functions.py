"""Lambda functions: where they find what is in their VPC, and whose keys they have."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import sys

from ministack.core import lambda_runtime
from ministack.services import lambda_svc
from upstream import replace, replaces


class HostConnection(http.client.HTTPConnection):
    """A connection to the process that started this one, which knows where the parts of a VPC are here."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(os.path.join(os.path.dirname(sys.argv[1]), "functions.sock"))


class Worker(lambda_runtime.Worker):
    """A function that finds what is in its VPC: names there mean nothing here, so its environment has the addresses
    that stand for them."""

    def __init__(self, func_name, config, code_zip):
        environment = config.get("Environment") or {}
        variables = environment.get("Variables") or {}
        vpc = config.get("VpcConfig") or {}
        if vpc.get("SubnetIds"):
            variables = local_variables(func_name, vpc, variables)
        super().__init__(func_name, {**config, "Environment": {**environment, "Variables": variables}}, code_zip)


def local_variables(func_name, vpc, variables):
    connection = HostConnection("localhost")
    request = {
        "name": func_name,
        "subnets": vpc["SubnetIds"],
        "securityGroups": vpc.get("SecurityGroupIds") or [],
        "variables": variables,
    }
    try:
        connection.request("POST", "/", json.dumps(request))
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"no addresses for {func_name}: {response.read().decode()}")
        return json.loads(response.read())
    finally:
        connection.close()


replace(lambda_runtime, "Worker", Worker)


def sealed(purpose, text):
    return url_safe(hmac.digest(os.environ["AWS_SECRET_ACCESS_KEY"].encode(), f"{purpose} {text}".encode(), "sha256"))


def url_safe(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@replaces("execution_credentials", lambda_runtime, lambda_svc)
def keys_of_the_role(_original, config):
    """A function signs with keys of its own, that stand for its role: as sessionCredentials in
    account/role-session.ts makes them."""
    session = {"role": config["Role"], "name": config["FunctionName"], "function": config["FunctionArn"]}
    claims = url_safe(json.dumps(session).encode())
    token = f"{claims}.{sealed('session', claims)}"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    key_id = "".join(letters[byte % 32] for byte in hashlib.sha256(token.encode()).digest()[:16])
    return {
        "AWS_ACCESS_KEY_ID": f"ASIA{key_id}",
        "AWS_SECRET_ACCESS_KEY": sealed("secret", token),
        "AWS_SESSION_TOKEN": token,
    }
