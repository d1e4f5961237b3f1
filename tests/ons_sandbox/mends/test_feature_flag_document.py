"""What AppConfig takes for a feature flag document, and what it serves of one.

https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html
"""

import json
from typing import Any

import pytest

from ons_sandbox.mends.feature_flag_document import UnknownToSandbox, problems, served

GOOD: dict[str, Any] = {
    "version": "1",
    "flags": {
        "banner": {
            "name": "Banner",
            "description": "Shows it",
            "_deprecation": {"status": "planned", "date": "2027-01-31"},
            "attributes": {
                "text": {"constraints": {"type": "string", "required": True}},
                "size": {"constraints": {"type": "number", "minimum": 1, "maximum": 10}},
                "places": {
                    "constraints": {"type": "array", "elements": {"type": "string", "enum": ["a", "b"]}}
                },
                "loud": {"constraints": {"type": "boolean"}},
            },
        },
        "other": {},
    },
    "values": {
        "banner": {"enabled": True, "text": "hello", "size": 3, "places": ["a"], "loud": False},
        "other": {"enabled": False, "_updatedAt": "2026-11-23T00:00:00Z"},
    },
}


def changed(**parts: Any) -> bytes:
    """The good document with other parts; keys are paths as `values__banner__size`."""
    document = json.loads(json.dumps(GOOD))
    for path, value in parts.items():
        *way, last = path.split("__")
        place = document
        for step in way:
            place = place[step]
        place[last] = value
    return json.dumps(document).encode()


def test_a_good_document_has_no_problems() -> None:
    assert problems(changed()) == []
    assert problems(b'{"version": "1"}') == []


@pytest.mark.parametrize(
    ("content", "location"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b"{}", "/version"),
        (changed(version=1), "/version"),
        (changed(version="2"), "/version"),
        (changed(more={}), "/more"),
        (changed(flags=[]), "/flags"),
        (changed(flags__Banner={}), "/flags/Banner"),
        (changed(flags__other={"owner": "me"}), "/flags/other/owner"),
        (changed(flags__other={"name": "x" * 65}), "/flags/other/name"),
        (changed(flags__other={"description": "x" * 1025}), "/flags/other/description"),
        (changed(flags__other={"_deprecation": {"status": "done"}}), "/flags/other/_deprecation/status"),
        (changed(values__unknown={"enabled": True}), "/values/unknown"),
        (changed(values__other={"enabled": "true"}), "/values/other/enabled"),
        (changed(values__other={"enabled": True, "color": "red"}), "/values/other/color"),
        (changed(values__banner={"enabled": True}), "/values/banner/text"),
        (changed(values__banner__size=11), "/values/banner/size"),
        (changed(values__banner__size="3"), "/values/banner/size"),
        (changed(values__banner__places=["c"]), "/values/banner/places/0"),
        (changed(values__banner__places=["a", 1]), "/values/banner/places"),
        (changed(values__banner__loud=1), "/values/banner/loud"),
        (changed(values__banner__text={"a": 1}), "/values/banner/text"),
        (
            changed(flags__other={"attributes": {"a": {"constraints": {"type": "date"}}}}),
            "/flags/other/attributes/a/constraints/type",
        ),
        (
            changed(flags__other={"attributes": {f"a{n}": {} for n in range(26)}}),
            "/flags/other/attributes",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_place(content: bytes, location: str) -> None:
    assert location in [problem.location for problem in problems(content)]


def test_variants_are_refused_as_unknown_rather_than_served_wrongly() -> None:
    variants = [{"name": "a", "enabled": True}]
    with pytest.raises(UnknownToSandbox, match="variants"):
        problems(changed(values__other={"_variants": variants}))


def test_attributes_are_served_of_enabled_flags_only() -> None:
    off = {"enabled": False, "text": "hello"}
    assert json.loads(served(changed())) == {
        "banner": {"enabled": True, "text": "hello", "size": 3, "places": ["a"], "loud": False},
        "other": {"enabled": False},
    }
    assert json.loads(served(changed(values__banner=off)))["banner"] == {"enabled": False}
