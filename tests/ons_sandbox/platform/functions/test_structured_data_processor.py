"""The processor: what a raw file becomes, and the name of each way in which it can be wrong."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ons_sandbox.platform import energy, files, names

INSTANT = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
HEADER = "din_instante;nom_subsistema;nom_tipousina;val_geracao"
ROW = "2026-11-23 03:30:00;SUL;TÉRMICA;1186.250"


@pytest.fixture
def processor(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("structured_data_processor")


@pytest.mark.parametrize("dataset", names.DATASETS.values(), ids=lambda dataset: dataset.name)
def test_a_file_becomes_the_values_that_the_grid_had(processor: ModuleType, dataset: names.Dataset) -> None:
    columns = processor.parse(dataset.name, "key", files.csv(dataset, 7, INSTANT))
    assert list(columns) == ["time", *dataset.tags, dataset.value]
    assert set(columns["time"]) == {INSTANT}
    keys = list(zip(*(columns[tag] for tag in dataset.tags), strict=True))
    span = energy.span(INSTANT, INSTANT)
    expected = {key: values[0] for key, values in energy.series(dataset, 7, span).items()}
    assert dict(zip(keys, columns[dataset.value], strict=True)) == expected


def test_the_parquet_file_has_utc_times_text_and_doubles(processor: ModuleType) -> None:
    columns = processor.parse("generation", "key", files.csv(names.GENERATION, 7, INSTANT))
    table = pq.read_table(io.BytesIO(processor.to_parquet("generation", columns)))
    assert table.schema.types == [pa.timestamp("ms", tz="UTC"), pa.string(), pa.string(), pa.float64()]
    assert table.to_pydict() == columns


@pytest.mark.parametrize(
    ("body", "error", "told"),
    [
        (b"", "EmptyFile", "no content"),
        (f"{HEADER}\n".encode(), "EmptyFile", "no rows"),
        (b"din_instante;nom_subsistema;val_geracao\n", "HeaderChanged", "nom_tipousina"),
        (f"{HEADER}\n{ROW}\n".encode("latin-1"), "DecodeFailed", "not UTF-8"),
        (f"{HEADER}\n{ROW.replace('1186.250', '1.186,25')}".encode(), "InvalidNumber", "line 2: '1.186,25'"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('1186.250', 'nan')}".encode(), "InvalidNumber", "line 3"),
        (f"{HEADER}\n{ROW.replace('1186.250', '')}".encode(), "InvalidNumber", "line 2"),
        (f"{HEADER}\n{ROW.replace('2026-11-23 ', '23/11/2026 ')}".encode(), "InvalidInstant", "23/11/2026"),
        (f"{HEADER}\n{ROW.replace('SUL', 'ACRE')}".encode(), "UnknownLabel", "ACRE"),
        (f"{HEADER}\n{ROW};x".encode(), "TruncatedRow", "5 fields, expected 4"),
        (files.truncated(files.csv(names.GENERATION, 7, INSTANT)), "TruncatedRow", "2 fields, expected 4"),
    ],
)
def test_each_way_of_being_wrong_has_a_name_and_says_where(
    processor: ModuleType, body: bytes, error: str, told: str
) -> None:
    with pytest.raises(getattr(processor, error), match="the/key") as raised:
        processor.parse("generation", "the/key", body)
    assert told in str(raised.value)


def test_a_byte_order_mark_is_no_error(processor: ModuleType) -> None:
    columns = processor.parse("generation", "key", f"\ufeff{HEADER}\n{ROW}\n".encode())
    assert columns["generation_mw"] == [1186.25]


def test_labels_are_known_in_any_case(processor: ModuleType) -> None:
    columns = processor.parse("generation", "key", f"{HEADER}\n{ROW.replace('SUL', ' Sul')}\n".encode())
    assert columns["region"] == ["Sul"]


class Bucket:
    """As much of an S3 client as the processor uses."""

    def __init__(self, body: bytes) -> None:
        self.body, self.put = body, {}

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.body)}

    def put_object(self, **arguments: Any) -> None:
        self.put = arguments


@pytest.mark.parametrize(("flag", "refused"), [(True, True), (False, False)])
def test_the_flag_switches_the_check_of_ranges(
    processor: ModuleType, monkeypatch: pytest.MonkeyPatch, flag: bool, refused: bool
) -> None:
    bucket = Bucket(f"{HEADER}\n{ROW.replace('1186.250', '999999.0')}\n".encode())
    monkeypatch.setattr(processor.aws, "client", lambda service: bucket)
    monkeypatch.setattr(processor.flags, "enabled", lambda name: flag)
    asked = {"dataset": "generation", "bucket": "raw", "key": "k.csv", "processed_key": "k.parquet"}
    if refused:
        with pytest.raises(processor.ValueOutOfRange, match="line 2"):
            processor.handler(asked, None)
        assert not bucket.put
    else:
        answer = processor.handler(asked, None)
        assert answer == {"bucket": "processed", "key": "k.parquet", "dataset": "generation", "rows": 1}
        assert bucket.put["Key"] == "k.parquet"
