"""The past runs of the pipeline."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ons_sandbox.platform import files, names
from ons_sandbox.platform.history import chance, pipeline

NOW = datetime(2026, 11, 23, 4, 10, tzinfo=UTC)
START = NOW - timedelta(days=14)


@pytest.fixture(scope="module")
def runs() -> list[pipeline.Run]:
    return [run for day in pipeline.days(7, START, NOW) for run in day]


def test_the_same_seed_and_now_give_the_same_runs(runs: list[pipeline.Run]) -> None:
    assert [run for day in pipeline.days(7, START, NOW) for run in day] == runs


def test_every_file_of_every_half_hour_was_processed_once(runs: list[pipeline.Run]) -> None:
    expected = {
        files.raw_key(dataset, instant)
        for instant in files.instants(START, files.newest(NOW))
        for dataset in names.DATASETS.values()
    }
    processed = [run.key for run in runs if not run.failed]
    assert len(processed) == len(set(processed))
    assert set(processed) >= expected


def test_a_run_goes_from_function_to_function(runs: list[pipeline.Run]) -> None:
    for run in runs:
        if not run.failed:
            router, processor, loader = run.invocations
            chain = [run.arrived, run.started, router.at, router.end, processor.at, processor.end]
            assert chain == sorted(chain)
            assert processor.end <= run.ended
            assert processor.end < loader.at
            assert loader.end < chance.ms(NOW)


def test_each_function_tells_what_it_did(runs: list[pipeline.Run]) -> None:
    for run in runs:
        if not run.failed:
            told = [[text.split()[0] for _, text in one.messages] for one in run.invocations]
            assert told[0] == ["PROCESSED", "SUCCESS"]
            assert told[1] == ["SUCCESS"]
            assert told[2][-1] == "SUCCESS"


def test_failures_are_rare_none_is_recent_and_the_file_came_again(runs: list[pipeline.Run]) -> None:
    failed = [run for run in runs if run.failed]
    assert 0 < len(failed) < 0.003 * len(runs)
    for run in failed:
        assert run.arrived < chance.ms(NOW - timedelta(hours=24))
        if run.dataset:
            again = [other for other in runs if other.key == run.key and not other.failed]
            assert [other.arrived - run.arrived for other in again] == [11 * 60 * 1000]


def test_a_suspicious_key_is_told_to_security_and_older_than_the_objects(runs: list[pipeline.Run]) -> None:
    suspicious = [run for run in runs if run.dataset is None]
    assert len(suspicious) == 2
    for run in suspicious:
        assert run.arrived < chance.ms(NOW - timedelta(days=4))
        (router,) = run.invocations
        assert router.messages[0][1].startswith("SECURITY ")
        assert router.fault is not None
        assert router.fault.kind == "InvalidKey"


def test_the_cause_of_a_failure_is_the_error_document_of_the_function(runs: list[pipeline.Run]) -> None:
    truncated = next(run for run in runs if run.failed and run.dataset)
    assert truncated.failed is not None
    fault = truncated.failed.fault
    assert fault is not None
    document = json.loads(fault.cause("the-request"))
    assert document["errorType"] == "TruncatedRow"
    assert document["errorMessage"].startswith(truncated.key)
    assert document["requestId"] == "the-request"
    assert document["stackTrace"][0].startswith('  File "/var/task/structured_data_processor.py", line ')
