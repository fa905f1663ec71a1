"""Writes recorded/aws-cli.json: the options of operations of the AWS CLI, from its own argument tables.

Run with the Python of an environment that has the package awscli: record-aws-cli.py ["SERVICE OPERATION" ...]
It renews what is recorded, and adds the operations that are named.
"""

import json
import pathlib
import sys

import awscli
from awscli.clidriver import create_clidriver

FILE = pathlib.Path(__file__).parent / "recorded" / "aws-cli.json"


def options_of(driver, operation):
    command = driver._get_command_table()
    *path, last = operation.split()
    for name in path:
        found = command[name]
        command = found._get_command_table() if hasattr(found, "_get_command_table") else found.subcommand_table
    table = {name: arg for name, arg in command[last].arg_table.items() if not getattr(arg, "_UNDOCUMENTED", False)}
    options = {arg.cli_name if arg.cli_name.startswith("--") else f"--{name}": arg.required
               for name, arg in table.items() if not getattr(arg, "positional_arg", False)}
    return {
        "required": sorted(name for name, required in options.items() if required),
        "optional": sorted(name for name, required in options.items() if not required),
    }


def main():
    before = json.loads(FILE.read_text())["operations"] if FILE.exists() else {}
    driver = create_clidriver()
    operations = {name: options_of(driver, name) for name in sorted({*before, *sys.argv[1:]})}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"cli": awscli.__version__, "operations": operations}, indent=2) + "\n")


main()
