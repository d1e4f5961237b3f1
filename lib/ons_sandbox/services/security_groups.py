"""EC2 security groups in front of moto: in pages, and with an answer to what was revoked.

moto gives every group and rule at once whatever MaxResults says, calls a rule's id that there is not by the
error of a permission, and does not tell which rules a revocation removed.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

import base64
import binascii
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import parse_qs, urlencode

from ons_sandbox.mends import mended, require
from ons_sandbox.services.json_service import Answer, Handler

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
# Action: the element that holds the list.
LISTS = {
    "DescribeSecurityGroups": "securityGroupInfo",
    "DescribeSecurityGroupRules": "securityGroupRuleSet",
}
REVOKING = {"RevokeSecurityGroupIngress": "false", "RevokeSecurityGroupEgress": "true"}
LEAST, MOST = 5, 1000


def install() -> None:
    """Answer in front of moto. Raises MendError."""
    app = mended("ministack.app", "SERVICE_HANDLERS")
    require("ec2" in app.SERVICE_HANDLERS, "ec2 has a handler to hand on to")
    app.SERVICE_HANDLERS["ec2"] = _before(app.SERVICE_HANDLERS["ec2"])


def reset() -> None:
    """Nothing is kept here: the groups are moto's."""


def _before(other: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Answer:
        asked = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        action = asked.get("Action", "")

        async def ask(**parameters: str) -> Answer:
            version = {"Version": asked.get("Version", "2016-11-15")}
            return await other(method, path, headers, urlencode(parameters | version).encode(), query_params)

        if action in LISTS and ("MaxResults" in asked or "NextToken" in asked):
            rest = {key: asked[key] for key in asked if key not in ("MaxResults", "NextToken", "Version")}
            return _page(await ask(**rest), LISTS[action], asked)
        if action in REVOKING and "GroupId" in asked:
            rules = {
                "Action": "DescribeSecurityGroupRules",
                "Filter.1.Name": "group-id",
                "Filter.1.Value.1": asked["GroupId"],
            }
            known = _rules(await ask(**rules))
            named = [value for key, value in asked.items() if key.startswith("SecurityGroupRuleId.")]
            for identifier in named:
                if identifier not in known:
                    message = f"The security group rule ID '{identifier}' does not exist"
                    return _error("InvalidSecurityGroupRuleId.NotFound", message)
            answer = await other(method, path, headers, body, query_params)
            left = _rules(await ask(**rules)) if answer[0] == 200 else known
            gone = [rule for identifier, rule in known.items() if identifier not in left]
            return _revoked(answer, gone) if answer[0] == 200 else answer
        return await other(method, path, headers, body, query_params)

    return handle


def _page(whole: Answer, element: str, asked: dict[str, str]) -> Answer:
    """One page of a list that came whole."""
    status, headers, body = whole
    if status != 200:
        return whole
    try:
        most = int(asked.get("MaxResults", MOST))
        token = asked.get("NextToken")
        start = int(base64.urlsafe_b64decode(token)) if token else 0
    except (ValueError, binascii.Error):
        return _error("InvalidParameterValue", "Unable to parse pagination token or MaxResults")
    if not LEAST <= most <= MOST:
        message = (
            f"Value ( {most} ) for parameter maxResults is invalid. Expecting a value from {LEAST} to {MOST}."
        )
        return _error("InvalidParameterValue", message)
    root = _parsed(body)
    items = root.find(element)
    if items is None:
        return whole
    found = list(items)
    for item in (*found[:start], *found[start + most :]):
        items.remove(item)
    if start + most < len(found):
        onward = ET.SubElement(root, "nextToken")
        onward.text = base64.urlsafe_b64encode(str(start + most).encode()).decode()
    return status, _without_length(headers), _text(root)


def _rules(answer: Answer) -> dict[str, ET.Element]:
    """The rules of a DescribeSecurityGroupRules answer by id."""
    root = _parsed(answer[2])
    items = root.find("securityGroupRuleSet")
    found = list(items) if items is not None else []
    return {str(item.findtext("securityGroupRuleId")): item for item in found}


def _revoked(answer: Answer, rules: list[ET.Element]) -> Answer:
    """The answer of a revocation, with the rules that it removed."""
    status, headers, body = answer
    root = _parsed(body)
    told = ET.SubElement(root, "revokedSecurityGroupRuleSet")
    for rule in rules:
        for tags in rule.findall("tagSet"):
            rule.remove(tags)
        rule.tag = "item"
        told.append(rule)
    return status, _without_length(headers), _text(root)


def _parsed(body: bytes) -> ET.Element:
    """An answer of moto's, without the namespaces that differ from action to action."""
    root = ET.fromstring(body)  # noqa: S314 - moto's own answer
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _text(root: ET.Element) -> bytes:
    root.set("xmlns", NAMESPACE)
    return ET.tostring(root)


def _without_length(headers: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.lower() != "content-length"}


def _error(code: str, message: str) -> Answer:
    errors = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    xml = f"<Response><Errors>{errors}</Errors><RequestID>sandbox</RequestID></Response>"
    return 400, {"Content-Type": "text/xml;charset=UTF-8"}, xml.encode()
