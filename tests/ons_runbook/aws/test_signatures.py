"""What lines of one kind have in common.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html: text lines with
level, time, request id and message between tabs; JSON lines with timestamp, level, message and requestId
"""

import pytest

from ons_runbook.aws.signatures import OTHER, Tally, signature

ID = "c4ce4de4-c8a0-43ad-aea1-e23820daa1be"
OTHER_ID = "0f37a9c1-5a91-4825-a877-28810f698f1d"
DAY = 86_400_000

UNHANDLED = (
    "[ERROR] InfluxUnavailable: no success after 2 attempts, last: ReadTimeoutError\n"
    "Traceback (most recent call last):\n"
    '\xa0\xa0File "/var/task/rag_query_processor.py", line 42, in handler\n'
    "\xa0\xa0\xa0\xa0status, body = ROUTES[route](event)\n"
    '\xa0\xa0File "/var/task/shared_utils/influxdb.py", line 102, in _post\n'
    '\xa0\xa0\xa0\xa0raise InfluxUnavailable(f"no success after {n} attempts: {last}")'
)
LOGGED = (
    f"[ERROR]\t2026-11-23T03:04:05.123Z\t{ID}\tcould not read the file\n"
    "Traceback (most recent call last):\n"
    '  File "/var/task/reader.py", line 3, in read\n    s3.get()\n'
    '  File "/var/runtime/botocore/client.py", line 9, in call\n    raise error\n'
    "botocore.exceptions.ClientError: An error occurred (404)"
)


def line(message, request=ID):
    return f"[ERROR]\t2026-11-23T03:04:05.123Z\t{request}\t{message}\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (line("ERROR lost 5 rows"), line("ERROR lost 1,234 rows", OTHER_ID)),
        (line(f"ERROR request {ID} refused"), line(f"ERROR request {OTHER_ID} refused")),
        (line("ERROR key='a/b.csv' refused"), line("ERROR key='c d/e.csv' refused")),
        (line('ERROR key "a" refused'), line('ERROR key "" refused')),
        (line("ERROR address 0x7f00aa failed"), line("ERROR address 0xdeadbe1 failed")),
        (line("ERROR at 2026-11-23 03:04:05.1 late"), line("ERROR at 2026-01-02 23:59:59 late")),
        (line("ERROR from 10.0.0.1 refused"), line("ERROR from 203.0.113.179 refused")),
        (line("ERROR read /tmp/a/b failed"), line("ERROR read /mnt/data/x.csv failed")),
        (
            line("ERROR arn:aws:lambda:us-east-1:123456789012:function:a denied"),
            line("ERROR arn:aws:lambda:sa-east-1:123456789012:function:b:LIVE denied"),
        ),
        (
            line("ERROR key=generation/2026/11/16/generation_20261116T0530Z.csv is empty"),
            line("ERROR key=load/2026/11/17/load_20261117T0530Z.csv is empty"),
        ),
        (UNHANDLED, UNHANDLED.replace("after 2", "after 9").replace("line 102", "line 107")),
        (
            f'{{"level": "ERROR", "message": "lost 5 rows", "requestId": "{ID}"}}',
            f'{{"level": "ERROR", "message": "lost 77 rows", "requestId": "{OTHER_ID}"}}',
        ),
    ],
)
def test_lines_of_one_kind_have_the_same_signature(one, other):
    assert signature(one) == signature(other)
    assert "…" in signature(one) or " at " in signature(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (line("ERROR lost 5 rows"), line("ERROR lost 5 files")),
        (line("ERROR dataset=generation missing"), line("ERROR dataset=consumption missing")),
        (UNHANDLED, UNHANDLED.replace("_post", "_get")),
        (UNHANDLED, UNHANDLED.replace("InfluxUnavailable", "KeyError")),
    ],
)
def test_lines_of_different_kinds_have_different_ones(one, other):
    assert signature(one) != signature(other)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (UNHANDLED, "InfluxUnavailable at shared_utils/influxdb.py in _post"),
        (LOGGED, "botocore.exceptions.ClientError at reader.py in read"),
        (line("ERROR it's late, don't wait for S3"), "ERROR it's late, don't wait for …"),
        ("", "(empty)"),
        ("\n", "(empty)"),
        ("{not json", "{not json"),
        ("[1, 2]", "[… …]"),
        ("Traceback (most recent call last)", "exception"),
        (
            '{"errorType": "KeyError", "errorMessage": "x", "stackTrace": '
            '["  File \\"/var/task/a.py\\", line 3, in handler\\n    b\\n"]}',
            "KeyError at a.py in handler",
        ),
    ],
)
def test_what_it_says(message, said):
    assert signature(message) == said


def test_a_long_line_costs_no_more_than_a_short_one_says():
    assert len(signature(line("ERROR " + "word " * 100_000))) <= 300
    assert signature(line("ERROR " + "'" * 100_000)).startswith("ERROR …")


def events(*items):
    return [{"timestamp": at, "message": message} for at, message in items]


def test_a_tally_counts_by_day_with_the_first_and_the_last():
    tally = Tally()
    tally.add(events((DAY + 5, "lost 1 row"), (DAY + 2, "lost 2 row"), (2 * DAY, "lost 3 row")))
    tally.add(events((DAY + 9, "lost 4 row")))
    first, second = sorted(tally.rows(), key=lambda row: row["day"])
    assert (first["lines"], second["lines"]) == (3, 1)
    assert (first["first_seen"].timestamp(), first["last_seen"].timestamp()) == (86400.002, 86400.009)
    assert first["sample"] == "lost 1 row"


def test_only_so_many_signatures_are_kept_and_no_line_is_lost():
    tally = Tally(most=3)
    words = ["".join(chr(97 + int(digit)) for digit in str(n)) for n in range(500)]
    for word in words:
        tally.add(events((DAY, f"rare {word}"), (DAY, "often"), (DAY, "often")))
        assert len(tally._days) <= 6
    rows = {row["signature"]: row["lines"] for row in tally.rows()}
    assert len(rows) == 4
    assert rows["often"] == 1000
    assert sum(rows.values()) == 1500
    assert rows[OTHER] == 498
