"""Keys, arrival and content of the files."""

from datetime import UTC, datetime, timedelta

import pytest

from ons_sandbox.platform import files, names

INSTANT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def test_keys_are_as_the_pipeline_expects_them() -> None:
    raw = files.raw_key(names.GENERATION, INSTANT)
    assert raw == "generation/2026/11/23/generation_20261123T0300Z.csv"
    processed = files.processed_key(names.GENERATION, INSTANT)
    assert processed == "dataset=generation/year=2026/month=11/day=23/generation_20261123T0300Z.parquet"


def test_a_key_names_the_instant_in_utc_whatever_the_zone_it_is_given_in() -> None:
    brasilia = INSTANT.astimezone(tz=datetime.strptime("-0300", "%z").tzinfo)
    assert files.raw_key(names.CONSUMPTION, brasilia) == files.raw_key(names.CONSUMPTION, INSTANT)
    assert files.csv(names.CONSUMPTION, 7, brasilia) == files.csv(names.CONSUMPTION, 7, INSTANT)


def test_files_arrive_four_minutes_after_their_half_hour_one_after_the_other() -> None:
    delays = [files.arrival(dataset, INSTANT) - INSTANT for dataset in names.DATASETS.values()]
    assert delays == sorted(set(delays))
    assert all(timedelta(minutes=4) <= delay < timedelta(minutes=5) for delay in delays)


@pytest.mark.parametrize(
    ("now", "newest"),
    [("03:04:00", "02:30"), ("03:04:10", "02:30"), ("03:05:00", "03:00"), ("03:34:00", "03:00")],
)
def test_the_newest_half_hour_is_the_last_whose_files_are_all_processed(now: str, newest: str) -> None:
    moment = datetime.fromisoformat(f"2026-11-23T{now}+00:00")
    assert files.newest(moment) == datetime.fromisoformat(f"2026-11-23T{newest}:00+00:00")


def test_a_file_is_what_ons_publishes() -> None:
    lines = files.csv(names.GENERATION, 7, INSTANT).decode("utf-8").split("\n")
    assert lines[0] == "din_instante;nom_subsistema;nom_tipousina;val_geracao"
    assert lines[-1] == ""
    assert len(lines) == 1 + 16 + 1
    instant, region, source, value = lines[1].split(";")
    assert instant == "2026-11-23 03:00:00"
    assert region in names.ONS_REGIONS.values()
    assert source in names.ONS_SOURCES.values()
    assert float(value) >= 0
    assert len(value.partition(".")[2]) == 3


def test_a_truncated_file_ends_in_the_second_field_of_its_last_row() -> None:
    whole = files.csv(names.TRANSMISSION, 7, INSTANT)
    cut = files.truncated(whole)
    assert whole.startswith(cut)
    assert len(cut.splitlines()) == len(whole.splitlines())
    assert cut.splitlines()[-1].count(b";") == 1


def test_instants_leave_out_the_first_and_take_the_last() -> None:
    found = files.instants(INSTANT, INSTANT + timedelta(hours=1))
    assert found == [INSTANT + timedelta(minutes=30), INSTANT + timedelta(hours=1)]
