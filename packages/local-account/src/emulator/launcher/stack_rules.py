"""Rules of CloudFormation for whole stacks: the order of creation, and exports in use."""

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine, handlers, stacks
from upstream import replaces

CUSTOM_TYPES = ("Custom::", "AWS::CloudFormation::CustomResource")


@replaces("_topological_sort", engine, stacks, changesets)
def custom_resources_last(original, resources, conditions):
    """An order of creation in which custom resources, and what depends on them, come after all the rest.

    The emulator creates one resource at a time; AWS creates what doesn't depend on each other at the same time. A
    function that waits for something beside it would here wait for what is made only after it.
    """
    order = original(resources, conditions)
    late = {name for name in order if resources[name].get("Type", "").startswith(CUSTOM_TYPES)}
    for name in order:
        if not late.isdisjoint(engine._extract_deps(resources[name], resources.keys())):
            late.add(name)
    return sorted(order, key=late.__contains__)  # it is stable: within each half the order stays


@replaces("_resolve_stack_outputs", stacks)
def outputs_with_exports_kept(original, outputs, conditions, resources, parameters, mappings, stack_name, stack_id):
    """A stack's outputs. As on AWS, an update that removes or changes an export which another stack imports fails."""
    resolved, exports = original(outputs, conditions, resources, parameters, mappings, stack_name, stack_id)
    before = cloudformation._stacks.get(stack_name, {}).get("Outputs") or []
    for output in before:
        name = output.get("ExportName")
        if not name or (name in exports and exports[name]["Value"] == output["OutputValue"]):
            continue
        users = [
            other_name
            for other_name, other in cloudformation._stacks.items()
            if other_name != stack_name
            and other.get("StackStatus") not in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE")
            and name in handlers._imported_export_names(other, other_name)
        ]
        if users:
            verb = "updated" if name in exports else "deleted"
            raise ValueError(f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}")
        if name not in exports:
            cloudformation._exports.pop(name, None)
    return resolved, exports
