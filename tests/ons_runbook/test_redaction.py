"""Secrets out, ordinary ids in, control characters visible.

Shapes from https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (access keys),
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html (the example pair, here
changed), https://docs.influxdata.com/influxdb/v2/admin/tokens/ and RFC 7519. Built from parts, so that no
scanner finds them.
"""

import base64
import random
import subprocess
import sys

import pytest

from ons_runbook.redaction import MARK, Redactor, plain, redact, redact_json, shorten

KEY_ID = "AKIA" + "Q3EGRZ7XKW2N" + "HJ5T"
SECRET = "wJalrXUt3FEMI" + "/K7MDENG/bPxRfi" + "CYzEX2MPLEKQ"
INFLUX = base64.b64encode(bytes(range(64))).decode()
SESSION = "IQoJb3JpZ2luX2Vj" + base64.b64encode(bytes(range(256)) * 2).decode().rstrip("=")
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".c2lnbmF0dXJlLW9mLWl0"

SECRETS = {
    "a secret access key by itself": (f"leaked {SECRET} here", SECRET),
    "a named secret access key": (f"aws_secret_access_key = {SECRET}", SECRET),
    "an AWS CLI answer": (f'{{"SecretAccessKey": "{SECRET}", "SessionToken": "{SESSION}"}}', SECRET),
    "a session token": (f"token was {SESSION}", SESSION),
    "an InfluxDB token": (f"connecting with {INFLUX}", INFLUX),
    "an InfluxDB header": ("Authorization: Token abc-def", "abc-def"),
    "an InfluxDB header in Python": ("{'Authorization': 'Token abc-def', 'Accept': '*/*'}", "abc-def"),
    "a scheme alone": ("sent Token sandbox-token-1234567890", "sandbox-token"),
    "a bearer token": ("got Bearer abcdefghijklmnopqrstuvwxyz", "abcdefghij"),
    "a basic header": ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    "a JWT": (f"id={JWT};", JWT),
    "a signed header": (
        "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261123, Signature=fe5f80",
        "fe5f80",
    ),
    "a presigned URL": ("https://b.s3.amazonaws.com/k?X-Amz-Credential=AK&X-Amz-Signature=0a1b2c", "0a1b2c"),
    "credentials in a URL": ("postgres://admin:p@ss:w0rd@db.internal/x", "w0rd"),
    "a Slack webhook": ("https://hooks.slack.com/services/T00000/B00000/XXXXXXXXXX", "B00000"),
    "a Slack token": ("using xoxb-" + "123456789012-abcdef", "123456789012-abcdef"),
    "a password": ("password=hunter22 user=bob", "hunter22"),
    "a password of digits": ("password: 12345", "12345"),
    "a password in quotes with an escape": (r'{"password": "ab\"cd ef"}', "cd ef"),
    "a password in JSON in JSON": (r'{"message": "{\"password\": \"hunter22\"}"}', "hunter22"),
    "a compound name": ("DB_PASSWORD: hunter22", "hunter22"),
    "an environment variable": ("INFLUXDB_V2_TOKEN=sandbox-token-7", "sandbox-token-7"),
    "an API key header": ("x-api-key: a1b2c3d4e5", "a1b2c3d4e5"),
    "a secret": ("client_secret => 's3cr3t'", "s3cr3t"),
    "a key over many lines": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "MIIEow",
    ),
    "a key that was cut": ("-----BEGIN PRIVATE KEY-----\nMIIEow\nMIIEox", "MIIEo"),
}

ORDINARY = [
    "START RequestId: 8f4d2b1e-6c3a-4f5b-9d2e-1a2b3c4d5e6f Version: 6",
    "REPORT RequestId: 8f4d2b1e-6c3a-4f5b-9d2e-1a2b3c4d5e6f Duration: 12.34 ms Billed Duration: 13 ms",
    "arn:aws:states:us-east-1:123456789012:execution:ons-data-platform-processing:8f4d2b1e-6c3a-4f5b",
    "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "s3://ons-data-platform-raw-prod/generation/2026/11/23/generation_20261123T0300Z.csv",
    "dataset=generation/year=2026/month=11/day=23/generation_20261123T0300Z.parquet",
    "ProcessStructuredDataAndLoadItIntoInflux",
    '{"nextToken": "abcdefgh", "NextToken": "ijklmnop", "clientRequestToken": "qrst"}',
    "prompt used 512 tokens: 300 in, 212 out",
    "max_token=512, token: 300",
    "token: missing",
    "password: null",
    "the secret ons/influxdb could not be read",
    "version 1-67f2a3b4-0123456789abcdef01234567 of the trace",
    "x-amz-request-id 4442587FB7D0A2F9",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_it_takes_out(text, secret):
    assert secret not in redact(text)
    assert MARK in redact(text)


def test_of_an_access_key_id_the_end_stays_so_that_people_can_tell_which():
    assert redact(f"key {KEY_ID}.") == f"key [redacted key id …{KEY_ID[-4:]}]."


@pytest.mark.parametrize("text", ORDINARY)
def test_it_leaves_alone(text):
    assert redact(text) == text


@pytest.mark.parametrize("text", [text for text, _ in SECRETS.values()])
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


def test_random_secret_access_keys_are_found_and_random_hashes_are_not():
    chance = random.Random(7)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    keys = ["".join(chance.choices(alphabet, k=40)) for _ in range(1000)]
    hashes = ["".join(chance.choices("0123456789abcdef", k=40)) for _ in range(1000)]
    assert sum(redact(key) == key for key in keys) <= 10
    assert [found for found in hashes if redact(found) != found] == []


def test_text_around_a_secret_stays():
    assert redact("user=bob password=hunter22 host=db") == f"user=bob password={MARK} host=db"
    assert redact("https://u:p@db.internal/x?a=1") == f"https://{MARK}@db.internal/x?a=1"


def test_members_are_redacted_by_what_they_are_called():
    document = {
        "password": "hunter22",
        "db": {"apiKey": ["one1", "two2"], "user": "bob"},
        "influx_secret_name": "ons/influxdb",
        "nextToken": "abc",
        "count": 3,
        "note": f"key {KEY_ID}",
    }
    assert redact_json(document) == {
        "password": MARK,
        "db": {"apiKey": [MARK, MARK], "user": "bob"},
        "influx_secret_name": "ons/influxdb",
        "nextToken": "abc",
        "count": 3,
        "note": f"key [redacted key id …{KEY_ID[-4:]}]",
    }


def test_the_document_itself_is_not_changed():
    document = {"password": "hunter22", "list": ["password=hunter22"]}
    redact_json(document)
    assert document == {"password": "hunter22", "list": ["password=hunter22"]}


class TestKnownValues:
    redactor = Redactor(["harmless-looking", 'with "quotes"', "short", None, ""])

    @pytest.mark.parametrize(
        "text",
        [
            "it is harmless-looking",
            "aGFybWxlc3MtbG9va2luZw==",
            'it is with "quotes"',
            r"{\"a\": \"with \\\"quotes\\\"\"}".replace(r"\\\"", r"\""),
            "with%20%22quotes%22",
        ],
    )
    def test_they_are_found_as_they_are_and_encoded(self, text):
        assert MARK in self.redactor.redact(text)

    def test_values_too_short_to_tell_from_words_are_ignored(self):
        assert self.redactor.redact("in short") == "in short"

    def test_they_are_found_in_documents(self):
        assert self.redactor.redact_json({"harmless-looking": ["harmless-looking"]}) == {MARK: [MARK]}

    def test_the_longer_of_two_wins(self):
        assert Redactor(["abcdef", "abcdefghi"]).redact("abcdefghi") == MARK

    def test_its_repr_shows_none(self):
        assert "harmless" not in repr(self.redactor)


PATHOLOGICAL = [
    "a", "eyJ", "eyJaaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "password", "password=", "://", "@://x", "x@",
    "A1b/", "\x1b[", "\x1b]", "authorization: ", '"', "password=\"\\\\", " ", "?sig=", "secret_key_",
]  # fmt: skip


def test_the_time_grows_linearly_with_the_text():
    """Quadratic patterns would take hours on these; the deadline is no measurement."""
    program = (
        "import sys; from ons_runbook.redaction import plain, redact\n"
        "for part in eval(sys.argv[1]): plain(redact(part * (1_000_000 // len(part))))"
    )
    subprocess.run([sys.executable, "-c", program, repr(PATHOLOGICAL)], timeout=120, check=True)


def test_terminal_codes_go_and_what_cannot_be_seen_is_shown():
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07done") == "red done"
    assert plain("safe\u202eexe.txt") == "safe<U+202E>exe.txt"
    assert plain("a\x00b\x07c\u200bd\ufeff") == "a<U+0000>b<U+0007>c<U+200B>d<U+FEFF>"
    assert plain("one\r\ntwo\tthree\n") == "one\ntwo\tthree\n"
    assert plain("Operação ✓ 電力 😀") == "Operação ✓ 電力 😀"


def test_shortening_says_how_much_was_cut():
    assert shorten("short", 10) == "short"
    assert shorten("x" * 3000, 1000) == "x" * 1000 + "… [2,000 of 3,000 characters cut]"
    assert shorten("x" * 3000, 1000, 9000) == "x" * 1000 + "… [8,000 of 9,000 characters cut]"
