"""The router. Events of S3 on EventBridge: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from ons_sandbox.platform import files, names

INSTANT = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)


def event(key: str, size: int = 100) -> dict[str, Any]:
    return {"detail": {"bucket": {"name": names.RAW_BUCKET}, "object": {"key": key, "size": size}}}


@pytest.fixture
def router(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("lambda_router")


@pytest.mark.parametrize("dataset", names.DATASETS.values(), ids=lambda dataset: dataset.name)
def test_a_file_is_routed_to_its_processor_and_its_place(
    router: ModuleType, dataset: names.Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    key = files.raw_key(dataset, INSTANT)
    with caplog.at_level(logging.INFO):
        answer = router.handler(event(key), None)
    assert answer["bucket"] == names.RAW_BUCKET
    assert answer["key"] == key
    assert answer["dataset"] == dataset.name
    assert answer["processor"] == names.PROCESSOR.name
    assert answer["processed_key"] == files.processed_key(dataset, INSTANT)
    markers = [message.split()[0] for message in caplog.messages]
    assert markers == ["PROCESSED", "SUCCESS"]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("prices/2026/11/23/prices_20261123T0330Z.csv", "UnknownDataset"),
        ("generation/2026/11/23/consumption_20261123T0330Z.csv", "InvalidKey"),
        ("generation/2026/11/24/generation_20261123T0330Z.csv", "InvalidKey"),
        ("generation/2026/11/23/generation_20261123T2530Z.csv", "InvalidKey"),
        ("generation/2026/11/23/generation_20261123T0330Z.csv.tmp", "InvalidKey"),
        ("notes.txt", "InvalidKey"),
    ],
)
def test_a_key_that_is_not_one_is_refused_by_name(router: ModuleType, key: str, error: str) -> None:
    with pytest.raises(getattr(router, error)):
        router.handler(event(key), None)


def test_an_empty_object_is_refused(router: ModuleType) -> None:
    with pytest.raises(router.EmptyFile):
        router.handler(event(files.raw_key(names.GENERATION, INSTANT), size=0), None)


def test_a_suspicious_key_is_refused_and_told_to_security(
    router: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(router.InvalidKey):
        router.handler(event("generation/../../processed/x.csv"), None)
    assert [message.split()[0] for message in caplog.messages] == ["SECURITY"]
