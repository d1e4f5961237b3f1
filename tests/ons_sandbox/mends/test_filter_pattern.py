"""Filter patterns against the examples of the AWS documentation, with the matches that its pages state.

Terms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-unstructured-log-events.html
JSON: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
Words: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-space-delimited-log-events.html
Regular expressions: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
"""

import json

import pytest

from ons_sandbox.mends.filter_pattern import InvalidPattern, compile_pattern

BAD_REQUEST = "[ERROR 400] BAD REQUEST"
UNAUTHORIZED = "[ERROR 401] UNAUTHORIZED REQUEST"
MISSING = "[ERROR 419] MISSING ARGUMENTS"
INVALID = "[ERROR 420] INVALID ARGUMENTS"
SERVER_ERROR = "[ERROR 500] INTERNAL SERVER ERROR"
INFO = "[INFO 200] SUCCESSFUL REQUEST"
LINES = [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, SERVER_ERROR, INFO]

TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "cluster.name": "c",
        "latency": 499.5,
        "status": "404",
    }
)
USERS = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)
ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", LINES),
        ('" "', LINES),
        ("ERROR", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, SERVER_ERROR]),
        ("error", []),
        ("ERROR ARGUMENTS", [MISSING, INVALID]),
        ("?ERROR ?ARGUMENTS", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, SERVER_ERROR]),
        ("?MISSING ?INVALID", [MISSING, INVALID]),
        (
            "?ERROR ?ARGUMENTS REQUEST",
            [BAD_REQUEST, UNAUTHORIZED, INFO],
        ),  # AWS: the optional ones are ignored
        ('"INTERNAL SERVER ERROR"', [SERVER_ERROR]),
        ('"ERROR INTERNAL"', []),
        ("ERROR -ARGUMENTS", [BAD_REQUEST, UNAUTHORIZED, SERVER_ERROR]),
        ('ERROR -"BAD REQUEST" -ARGUMENTS', [UNAUTHORIZED, SERVER_ERROR]),
        ("-ERROR", [INFO]),
        ("%AUTHORIZED%", [UNAUTHORIZED]),
        (r"%4[01]\d%", [BAD_REQUEST, UNAUTHORIZED, MISSING]),
        ("%REQUEST$%", [BAD_REQUEST, UNAUTHORIZED, INFO]),
        (r"%^\[INFO%", [INFO]),
    ],
)
def test_terms_match_as_documented(pattern: str, expected: list[str]) -> None:
    matches = compile_pattern(pattern)
    assert [line for line in LINES if matches(line)] == expected


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
        ('{ $.eventType = "CreateTrail" }', TRAIL, False),
        ("{ $.eventType = Update* }", TRAIL, True),
        ("{ $.eventType = *Trail }", TRAIL, True),
        ("{ $.eventType = Up*rail }", TRAIL, False),  # AWS: an asterisk within stands for itself
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
        ("{ $.sourceIPAddress != 111.111.* }", TRAIL, False),
        ('{ $.arrayKey[0] = "value" }', TRAIL, True),
        ('{ $.arrayKey[1] = "value" }', TRAIL, False),
        ('{ $.arrayKey[7] = "value" }', TRAIL, False),
        ("{ $.objectList[1].id = 2 }", TRAIL, True),
        ("{ $.objectList[0].id = 2 }", TRAIL, False),
        ("{ $.objectList[*].id = 2 }", TRAIL, True),
        ("{ $.arrayKey[*] = %val.{2}% }", TRAIL, True),
        (r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }", TRAIL, True),
        ("{ $.['cluster.name'] = \"c\" }", TRAIL, True),
        ("{ $.SomeObject IS NULL }", TRAIL, True),
        ("{ $.eventType IS NULL }", TRAIL, False),
        ("{ $.SomeOtherObject IS NULL }", TRAIL, False),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, False),
        ("{ $.ThisFlag IS TRUE }", TRAIL, True),
        ("{ $.ThisFlag IS FALSE }", TRAIL, False),
        ("{ $.latency < 500 }", TRAIL, True),
        ("{ $.latency >= 5e2 }", TRAIL, False),
        ("{ $.latency > -1 && $.latency <= 499.5 }", TRAIL, True),
        ("{ $.latency = * }", TRAIL, True),
        ("{ $.absent = * }", TRAIL, False),
        ("{ $.absent != 5 }", TRAIL, False),
        ("{ $.status = 404 }", TRAIL, True),
        ("{ $.status = 4* }", TRAIL, True),
        ("{ $.arrayKey != 1 }", TRAIL, False),  # a selector that points at an array matches nothing
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', USERS, True),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch"'
            ' && $.actions[2] = "nonmatch" }',
            USERS,
            True,
        ),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch")'
            ' && $.actions[2] = "nonmatch" }',
            USERS,
            False,
        ),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', USERS, False),
        ("{ $.coordinates[1][2] = 6 }", USERS, True),
        ('{ $.eventType = "UpdateTrail" }', "eventType=UpdateTrail", False),
        ("{ $.eventType NOT EXISTS }", "not JSON at all", False),
    ],
)
def test_selectors_match_json_events_as_documented(pattern: str, event: str, expected: bool) -> None:
    assert compile_pattern(pattern)(event) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request=*.html*, status_code=4*,]", True),
        ("[ip, user, ...]", True),
        ("[ip, user, ..., status_code, bytes]", True),
        ("[ip, user, ..., status_code = 4*, bytes > 1000]", True),
        ("[ip, user, ..., status_code = 4*, bytes > 2000]", False),
        ("[..., status_code = 4* && status_code != 403, bytes]", True),
        ("[..., status_code = 403 || status_code = 404, bytes]", True),
        ("[..., (status_code = 403 || status_code = 410), bytes]", False),
        ('[ip, user, username, timestamp = "10/Oct/2000*", ...]', True),
        ("[ip = %^127%, ...]", True),
        ("[ip, user, username]", False),  # without an ellipsis every word has its name
        ("[w1=ERROR, w2]", False),
    ],
)
def test_words_match_by_position_as_documented(pattern: str, expected: bool) -> None:
    assert compile_pattern(pattern)(ACCESS) is expected


def test_two_words_named_match_an_event_of_two_words_only() -> None:
    matches = compile_pattern("[w1=ERROR, w2]")
    events = ["ERROR WARN message", "ERROR message", "WARN message"]
    assert [event for event in events if matches(event)] == ["ERROR message"]


@pytest.mark.parametrize(
    "pattern",
    [
        "task-id:5",
        '"never closed',
        "{ $.a = }",
        "{ $.a EXISTS }",
        "{ a = 1 }",
        "{ $.a > b }",
        "{ $.a = 1",
        "{ $.*[*] = 1 }",
        "[ip, user",
        "[..., a, ...]",
        "[a = 1 && b = 2]",
        "%something!%",
        "%(ab)+%",
        "%café%",
        "%a{3,2}%",
        "%ab",
        "%a% %b%",
        "[a = %x%, b = %y%, c = %z%]",
        "x" * 1025,
    ],
)
def test_a_pattern_that_aws_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)
