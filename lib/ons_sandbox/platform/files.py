"""The files of ONS: their keys, when they arrive, and what they hold.

One file a dataset and half hour arrives some four minutes after the half hour, with the values of that
instant.
https://dados.ons.org.br/ publishes such files: UTF-8, semicolons, a point for decimals.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from ons_sandbox.platform import energy, names

DELAY = timedelta(minutes=4)
# ONS uploads one file after the other.
APART = timedelta(seconds=4)


def arrival(dataset: names.Dataset, instant: datetime) -> datetime:
    """When the file of this half hour is uploaded."""
    return instant + DELAY + list(names.DATASETS).index(dataset.name) * APART


def newest(now: datetime, settling: timedelta = timedelta(seconds=20)) -> datetime:
    """The newest half hour whose files have all arrived and been processed at `now`."""
    last = DELAY + APART * (len(names.DATASETS) - 1) + settling
    passed = (now.astimezone(UTC) - last).timestamp()
    step = energy.STEP.total_seconds()
    return datetime.fromtimestamp(passed // step * step, UTC)


def instants(after: datetime, until: datetime) -> list[datetime]:
    """Every half hour with after < instant <= until, oldest first."""
    return [
        datetime.fromtimestamp(int(second), UTC)
        for second in energy.span(after + timedelta(seconds=1), until)
    ]


def raw_key(dataset: names.Dataset, instant: datetime) -> str:
    """Key in the raw bucket, e.g. generation/2026/11/23/generation_20261123T0300Z.csv."""
    at = instant.astimezone(UTC)
    return f"{dataset.name}/{at:%Y/%m/%d}/{dataset.name}_{at:%Y%m%dT%H%M}Z.csv"


def processed_key(dataset: names.Dataset, instant: datetime) -> str:
    """Key in the processed bucket, e.g. dataset=generation/year=2026/month=11/day=23/….parquet."""
    at = instant.astimezone(UTC)
    folder = f"dataset={dataset.name}/{at:year=%Y/month=%m/day=%d}"
    return f"{folder}/{dataset.name}_{at:%Y%m%dT%H%M}Z.parquet"


def csv(dataset: names.Dataset, seed: int, instant: datetime) -> bytes:
    """The raw file of one half hour."""
    at = np.array([energy.seconds(instant)], dtype=np.int64)
    found = energy.series(dataset, seed, at)
    return csv_of(dataset, instant, {key: float(values[0]) for key, values in found.items()})


def csv_of(dataset: names.Dataset, instant: datetime, values: Mapping[tuple[str, ...], float]) -> bytes:
    """The raw file with these values, keyed by the values of the dataset's tags."""
    stamp = f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    rows = (";".join([stamp, *_words(key), f"{value:.3f}"]) for key, value in values.items())
    return ("\n".join([";".join(dataset.header), *rows]) + "\n").encode()


def truncated(body: bytes) -> bytes:
    """The file as it arrives when an upload was cut: the last row ends in its second field."""
    kept, last = body.rstrip(b"\n").rsplit(b"\n", 1)
    first, second, *_ = last.split(b";")
    return kept + b"\n" + first + b";" + second[:3]


def _words(key: Iterable[str]) -> list[str]:
    words = names.ONS_REGIONS | names.ONS_SOURCES
    return [words[tag] for tag in key]
