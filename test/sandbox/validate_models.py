"""Checks recorded answers of the sandbox against botocore's official service models.

Reads JSON lines {service, operation, body} from standard input; prints one line for every member that the model does
not know, that has the wrong JSON type or enum value, or that is required and missing. botocore's own parser drops
unknown members without a word, so this walks the shapes itself; an answer in XML (a body that is a string) is turned
into the same members first. Exit status 1 when there is anything to say.
"""
import datetime
import json
import sys
from xml.etree import ElementTree

from botocore.session import Session


def main():
    session = Session()
    models = {}
    problems = []
    count = 0
    for line in sys.stdin:
        record = json.loads(line)
        service, operation = record["service"], record["operation"]
        if service not in models:
            models[service] = session.get_service_model(service)
        model = models[service].operation_model(operation)
        if model.output_shape is None:
            continue
        count += 1
        protocol = models[service].metadata["protocol"]
        where = f"{service} {operation}"
        body = record["body"]
        if isinstance(body, str):
            root = ElementTree.fromstring(body)
            # EC2's own variant of the protocol has no element in between, only the id of the request beside.
            ec2 = protocol == "ec2"
            result = root if ec2 else root.find(f"{{*}}{operation}Result")
            for child in [child for child in root if ec2 and child.tag.endswith("}requestId")]:
                root.remove(child)
            body = from_xml(model.output_shape, result, where, problems)
        check(model.output_shape, body, where, protocol, problems)
    for problem in sorted(set(problems)):
        print(problem)
    print(f"{count} answers checked", file=sys.stderr)
    return 1 if problems else 0


def from_xml(shape, element, where, problems):
    """Members as JSON would have them; elements that the model does not know are kept, for check() to name."""
    kind = shape.type_name
    if kind == "structure":
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        tags = [(child.tag.rpartition("}")[2], child) for child in element]
        return {tag: from_xml(names[tag], child, f"{where}.{tag}", problems) if tag in names else child.text for tag, child in tags}
    if kind == "list":
        wanted = shape.member.serialization.get("name", "member")
        for child in element:
            if child.tag.rpartition("}")[2] != wanted:
                problems.append(f"{where}: element {child.tag} in a list of {wanted}")
        return [from_xml(shape.member, child, f"{where}[]", problems) for child in element]
    text = element.text or ""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in ("integer", "long", "double", "float"):
        return float(text) if text.replace(".", "", 1).isdigit() else text
    if kind == "timestamp":
        return datetime.datetime.fromisoformat(text).timestamp()
    return text


def check(shape, value, where, protocol, problems):
    kind = shape.type_name
    if kind == "structure":
        return check_structure(shape, value, where, protocol, problems)
    if kind == "list":
        if not isinstance(value, list):
            return problems.append(f"{where}: list expected, got {describe(value)}")
        for item in value:
            check(shape.member, item, f"{where}[]", protocol, problems)
        return None
    if kind == "map":
        if not isinstance(value, dict):
            return problems.append(f"{where}: map expected, got {describe(value)}")
        for key, item in value.items():
            check(shape.value, item, f"{where}.{key}", protocol, problems)
        return None
    return check_scalar(shape, value, where, problems)


def check_structure(shape, value, where, protocol, problems):
    if not isinstance(value, dict):
        return problems.append(f"{where}: structure expected, got {describe(value)}")
    names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    for name, item in value.items():
        if name not in names:
            problems.append(f"{where}.{name}: unknown member")
        else:
            check(names[name], item, f"{where}.{name}", protocol, problems)
    for name in shape.required_members:
        if shape.members[name].serialization.get("name", name) not in value:
            problems.append(f"{where}.{name}: required member is missing")
    return None


def check_scalar(shape, value, where, problems):
    kind = shape.type_name
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": number and float(value).is_integer(),
        "long": number and float(value).is_integer(),
        "double": number,
        "float": number,
        # Every JSON service here writes seconds since 1970; milliseconds would lie far in the future.
        "timestamp": number and 1_000_000_000 < value < 10_000_000_000,
    }
    if not fits.get(kind, True):
        problems.append(f"{where}: {kind} expected, got {describe(value)}")
    elif kind == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        problems.append(f"{where}: {value!r} is not one of {', '.join(shape.enum)}")


def describe(value):
    return f"{type(value).__name__} {json.dumps(value)[:60]}"


sys.exit(main())
