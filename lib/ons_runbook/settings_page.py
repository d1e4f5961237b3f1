"""docs/settings.md, made from the settings themselves.

`python -m ons_runbook.settings_page > docs/settings.md`; a test holds the page to the code.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from ons_runbook.contacts import Contact
from ons_runbook.platform import Platform
from ons_runbook.thresholds import Thresholds

_HEAD = """# Settings of a platform

Sources, strongest first: command line, environment, environment file (platform `sandbox` only), TOML file
(`--platform sandbox|prod|PATH`), `terraform output -json`, and the defaults below. In the environment a
setting is `RUNBOOK_` and its name in capitals, nested ones with `__`
(`RUNBOOK_THRESHOLDS__API_LATENCY_WARN_MS`); lists are JSON.

This page is made from the code: `python -m ons_runbook.settings_page > docs/settings.md`.
"""


def settings_page() -> str:
    """Every setting with its type, default, and what and why, as Markdown."""
    parts = [_HEAD]
    for title, model in (("Platform", Platform), ("Thresholds", Thresholds), ("Contact", Contact)):
        rows = ["| setting | type | default | what and why |", "|---|---|---|---|", *_rows(model)]
        parts.append("\n".join([f"## {title}", "", *rows, ""]))
    return "\n".join(parts)


def _rows(model: type[BaseModel]) -> Iterator[str]:
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        value = field.get_default(call_default_factory=True)
        default = "see Thresholds" if name == "thresholds" else _default(value)
        yield f"| `{name}` | {_type_name(properties[name])} | {default} | {field.description or ''} |"


def _type_name(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type_name(option) for option in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_type_name(schema.get('items', {}))}"
    names = {"string": "text", "integer": "whole number", "null": "nothing"}
    return names.get(str(schema.get("type")), str(schema.get("type")))


def _default(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, tuple):
        return "<br>".join(f"`{getattr(item, 'role', item)}`" for item in value)
    return "required" if repr(value) == "PydanticUndefined" else f"`{value}`" if value != "" else "—"


if __name__ == "__main__":
    print(settings_page(), end="")
