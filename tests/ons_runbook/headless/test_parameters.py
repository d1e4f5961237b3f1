"""The parameters cell and the values from outside, with the traps of papermill and YAML."""

import pytest

from ons_runbook.errors import ParameterError
from ons_runbook.headless import parameters

CELL = """
# Which platform, and how far back.
platform: str = "sandbox"  # platform to look at
hours: int = 24  # [1..168] hours to look back
rate: float = 0.5  # [0..1] share of failed calls that is still normal
verbose: bool = False  # more rows
account: str = "000000000000"  # account id
level: str = "warn"  # [info|warn|error] smallest level
until: str | None = None  # end of the window, ISO 8601
functions: list[str] = [
    "lambda_router",
    "timestream_loader",
]  # functions to look at
batch: int | None = None  # [1..] at once
bare: int = 3
"""


def known() -> dict[str, parameters.Parameter]:
    return {p.name: p for p in parameters.parse(CELL)}


def converted(name: str, word: object) -> object:
    return parameters.validate(parameters.parse(CELL), {name: word})[name]


def problem(**given: object) -> str:
    with pytest.raises(ParameterError) as caught:
        parameters.validate(parameters.parse(CELL), given)
    return str(caught.value)


def test_the_cell_gives_name_type_default_and_help_in_its_order():
    assert list(known()) == [
        *("platform", "hours", "rate", "verbose", "account", "level", "until", "functions", "batch", "bare")
    ]
    assert known()["hours"] == parameters.Parameter("hours", "int", 24, "hours to look back", low=1, high=168)
    assert known()["level"].choices == ("info", "warn", "error")
    assert known()["until"].annotation == "str | None"
    assert known()["functions"].default == ["lambda_router", "timestream_loader"]
    assert known()["functions"].help == "functions to look at"
    assert known()["batch"].constraint == "at least 1"
    assert known()["bare"].help == ""


def test_the_cell_is_never_executed(tmp_path):
    trace = tmp_path / "executed"
    source = f'open({str(trace)!r}, "w").write("x")\nhours: int = 1'
    with pytest.raises(ParameterError, match="line 1 of the parameters cell"):
        parameters.parse(source)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hours = 24", "with its type"),
        ("hours: int", "needs a default"),
        ("hours: int = 2 * 12", "literal"),
        ("hours: datetime = 1", "has the type datetime"),
        ("hours: int = '24'", "not of type int"),
        ("hours: int = True", "not of type int"),
        ("hours: float = 1", "not of type float"),
        ("hours: int = 200  # [1..168]", "must be 1 to 168"),
        ("name: str = 'a'  # [1..3] help", "only numbers have a range"),
        ("hours: int = 1\nhours: int = 2", "declared twice"),
        ("hours: int = (", "not Python"),
        ("hours: int = 1\x00", "not Python"),
    ],
)
def test_a_cell_that_departs_from_the_contract_is_named_with_its_reason(line, reason):
    with pytest.raises(ParameterError, match=reason):
        parameters.parse(line)


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("verbose", "false", False),
        ("verbose", "True", True),
        ("platform", "false", "false"),
        ("platform", "", ""),
        ("account", "012345678901", "012345678901"),
        ("account", "1e3", "1e3"),
        ("hours", "007", 7),
        ("rate", "1e-1", 0.1),
        ("rate", "1", 1.0),
        ("until", "none", None),
        ("until", "2026-11-23T03:00:00Z", "2026-11-23T03:00:00Z"),
        ("functions", "a, b", ["a", "b"]),
        ("functions", "", []),
        ("functions", ["a"], ["a"]),
        ("batch", "null", None),
        ("batch", "1000000", 1_000_000),
    ],
)
def test_a_word_becomes_what_the_annotation_says(name, word, value):
    result = converted(name, word)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("name", "word", "reason"),
    [
        ("hours", "1e3", "whole number"),
        ("hours", "24.0", "whole number"),
        ("hours", " 24", "whole number"),
        ("hours", "1_0", "whole number"),
        ("hours", "٣", "whole number"),
        ("hours", "9" * 5000, "whole number"),
        ("hours", True, "whole number"),
        ("hours", "none", "whole number"),
        ("hours", None, "needs a value"),
        ("hours", "0", "must be 1 to 168, not 0"),
        ("rate", "nan", "must be a number"),
        ("rate", "inf", "must be a number"),
        ("rate", "1.5", "must be 0 to 1"),
        ("verbose", "maybe", "true or false"),
        ("verbose", 1, "true or false"),
        ("level", "wran", r"info, warn or error, not 'wran' \(did you mean 'warn'\?\)"),
        ("platform", 7, "put it in quotes"),
        ("functions", [1], "list of texts"),
        ("batch", "0", "at least 1"),
    ],
)
def test_a_word_that_does_not_fit_is_refused_with_the_reason(name, word, reason):
    with pytest.raises(ParameterError, match=f"parameter {name} .*{reason}"):
        parameters.validate(parameters.parse(CELL), {name: word})


def test_an_unknown_name_is_answered_with_the_nearest():
    assert "unknown parameter 'hour' (did you mean 'hours'?)" in problem(hour="1")
    assert "known are platform, hours" in problem(zzz="1")


def test_everything_wrong_is_said_at_once():
    said = problem(hour="1", verbose="perhaps", hours="x")
    assert all(part in said for part in ("'hour'", "parameter verbose", "parameter hours"))


def test_only_given_values_come_back():
    assert parameters.validate(parameters.parse(CELL), {}) == {}


def test_words_split_at_the_first_equals_sign_and_the_last_wins():
    assert parameters.from_words(["a=1", "b=x=y", "a=2"]) == {"a": "2", "b": "x=y"}


@pytest.mark.parametrize("word", ["hours", "=1", ""])
def test_a_word_without_name_or_equals_sign_is_refused(word):
    with pytest.raises(ParameterError, match="name=value"):
        parameters.from_words([word])


def from_yaml(tmp_path, text: str) -> dict[str, object]:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    return parameters.from_file(path)


def test_a_file_keeps_scalars_as_written_so_that_the_annotation_decides(tmp_path):
    text = (
        "account: 012345671234\nlevel: no\nverbose: no\nuntil: ~\nplatform: 2026-11-23\nfunctions: [on, 1]\n"
    )
    given = from_yaml(tmp_path, text)
    assert given["account"] == "012345671234"
    assert given["platform"] == "2026-11-23"
    assert given["functions"] == ["on", "1"]
    values = parameters.validate(parameters.parse(CELL), {k: v for k, v in given.items() if k != "level"})
    assert values["verbose"] is False
    assert values["until"] is None


def test_json_is_read_as_well_and_an_empty_file_is_no_parameters(tmp_path):
    assert from_yaml(tmp_path, '{"hours": 3, "verbose": true}') == {"hours": "3", "verbose": "true"}
    assert from_yaml(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a", "one mapping"),
        ("a: 1\na: 2", "names a twice"),
        ("a: {b: 1}", "deeper"),
        ("a: &x [*x]", "deeper"),
        ("a: [", "cannot be read"),
        ("? [a, b]\n: 1", "one mapping"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, reason):
    with pytest.raises(ParameterError, match=reason):
        from_yaml(tmp_path, text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"nowhere\.yaml"):
        parameters.from_file(tmp_path / "nowhere.yaml")
