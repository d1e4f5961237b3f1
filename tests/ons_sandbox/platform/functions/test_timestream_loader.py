"""The loader.

Line protocol and its escapes: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ons_sandbox.platform import files, names

INSTANT = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)


@pytest.fixture
def loader(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("timestream_loader")


def processed(load: Callable[[str], ModuleType], dataset: names.Dataset) -> bytes:
    processor = load("structured_data_processor")
    columns = processor.parse(dataset.name, "key", files.csv(dataset, 7, INSTANT))
    return bytes(processor.to_parquet(dataset.name, columns))


def test_a_row_becomes_a_point_with_sorted_escaped_tags_and_seconds(loader: ModuleType) -> None:
    columns = {
        "time": pa.array([INSTANT], pa.timestamp("ms", tz="UTC")),
        "region": ["Rio de, Janeiro=x"],
        "energy_source": ["hydro"],
        "generation_mw": [12.5],
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    lines = loader.to_lines("generation", "key", sink.getvalue())
    tags = r"energy_source=hydro,region=Rio\ de\,\ Janeiro\=x"
    assert lines == [f"generation_data,{tags} generation_mw=12.5 {int(INSTANT.timestamp())}"]


@pytest.mark.parametrize("dataset", names.DATASETS.values(), ids=lambda dataset: dataset.name)
def test_every_row_of_every_dataset_becomes_a_point(
    loader: ModuleType, load: Callable[[str], ModuleType], dataset: names.Dataset
) -> None:
    lines = loader.to_lines(dataset.name, "key", processed(load, dataset))
    assert len(lines) == len(files.csv(dataset, 7, INSTANT).splitlines()) - 1
    assert all(line.startswith(f"{dataset.measurement},") for line in lines)
    assert all(f" {dataset.value}=" in line for line in lines)


def test_a_file_without_a_column_is_refused_by_name(
    loader: ModuleType, load: Callable[[str], ModuleType]
) -> None:
    with pytest.raises(loader.ColumnMissing, match="flow_mw, from_region, to_region"):
        loader.to_lines("transmission", "key", processed(load, names.CONSUMPTION))


@pytest.mark.parametrize("key", ["dataset=prices/year=2026/x.parquet", "generation/x.csv"])
def test_an_unknown_dataset_is_refused_by_name(loader: ModuleType, key: str) -> None:
    with pytest.raises(loader.UnknownDataset):
        loader.handler({"detail": {"bucket": {"name": "b"}, "object": {"key": key}}}, None)
