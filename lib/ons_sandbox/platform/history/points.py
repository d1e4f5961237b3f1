"""The past in InfluxDB: sixty days of generation, load and flows, every half hour."""

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ons_sandbox.platform import energy, names

if TYPE_CHECKING:
    from ons_sandbox.influx.store import Store


def write(store: "Store", grid: energy.Grid) -> None:
    """Create the bucket and write every series of the grid into it."""
    store.create_bucket(names.INFLUX_BUCKET, names.INFLUX_RETENTION_SECONDS, "Generation, load, flows")
    for dataset in names.DATASETS.values():
        table = frame(dataset, grid)
        store.write_frame(
            names.INFLUX_BUCKET, dataset.measurement, table, list(dataset.tags), [dataset.value], "time"
        )


def frame(dataset: names.Dataset, grid: energy.Grid) -> pd.DataFrame:
    """The dataset's points: time (UTC), one column a tag, and the value in MW."""
    found = grid.series(dataset.name)
    length = len(grid.instants)
    times = pd.to_datetime(np.tile(grid.instants, len(found)), unit="s", utc=True)
    columns: dict[str, object] = {"time": times}
    for number, tag in enumerate(dataset.tags):
        labels = [key[number] for key in found]
        columns[tag] = pd.Categorical.from_codes(
            np.repeat(pd.Index(names.REGIONS + names.SOURCES).get_indexer(labels), length),
            categories=names.REGIONS + names.SOURCES,
        )
    columns[dataset.value] = np.concatenate(list(found.values()))
    return pd.DataFrame(columns)


def span(days: int, newest: datetime) -> energy.Instants:
    """The half hours of that many days up to the newest."""
    last = energy.seconds(newest)
    step = int(energy.STEP.total_seconds())
    return np.arange(last - days * energy.DAY, last + 1, step, dtype=np.int64)
