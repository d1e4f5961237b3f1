"""Validates one raw ONS CSV file and writes it as Parquet to the processed bucket.

Input: what lambda_router returned. Every way in which a file can be wrong has an exception of its own,
because the state machine and the people on call see nothing but its name.
"""

import csv
import io
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from shared_utils import aws, flags

VERSION = "1.6.0"

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

REGIONS = {
    "SUDESTE/CENTRO-OESTE": "Sudeste/Centro-Oeste",
    "SUDESTE": "Sudeste/Centro-Oeste",
    "SUL": "Sul",
    "NORDESTE": "Nordeste",
    "NORTE": "Norte",
}
SOURCES = {
    "HIDROELÉTRICA": "hydro",
    "EOLIELÉTRICA": "wind",
    "EÓLICA": "wind",
    "FOTOVOLTAICA": "solar",
    "TÉRMICA": "thermal",
    "NUCLEAR": "nuclear",
}
# Column of the raw file -> column of the processed file and what its words mean.
LABELS: dict[str, tuple[str, dict[str, str]]] = {
    "nom_subsistema": ("region", REGIONS),
    "nom_tipousina": ("energy_source", SOURCES),
    "nom_subsistema_origem": ("from_region", REGIONS),
    "nom_subsistema_destino": ("to_region", REGIONS),
}
HEADERS = {
    "generation": ["din_instante", "nom_subsistema", "nom_tipousina", "val_geracao"],
    "consumption": ["din_instante", "nom_subsistema", "val_cargaenergiamwmed"],
    "transmission": [
        "din_instante",
        "nom_subsistema_origem",
        "nom_subsistema_destino",
        "val_intercambiomwmed",
    ],
}
VALUES = {"generation": "generation_mw", "consumption": "load_mw", "transmission": "flow_mw"}
# MW; only transmission has a direction, and so a sign. Checked with the flag enable_enhanced_processing.
RANGES = {
    "generation": (0.0, 70_000.0),
    "consumption": (500.0, 90_000.0),
    "transmission": (-25_000.0, 25_000.0),
}


class HeaderChanged(Exception):
    """The columns are not the ones that ONS publishes for the dataset."""


class DecodeFailed(Exception):
    """The file is not UTF-8."""


class EmptyFile(Exception):
    """The file has no rows."""


class InvalidNumber(Exception):
    """A value is not a finite number."""


class InvalidInstant(Exception):
    """A time is not YYYY-MM-DD HH:MM:SS."""


class UnknownLabel(Exception):
    """A region or an energy source that the platform does not know."""


class TruncatedRow(Exception):
    """A row has more or fewer fields than the header."""


class ValueOutOfRange(Exception):
    """A value that no part of the grid can reach."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process one file; returns the processed object's place and the number of rows."""
    dataset, key = event["dataset"], event["key"]
    s3 = aws.client("s3")
    version = {"VersionId": event["version_id"]} if event.get("version_id") else {}
    body = s3.get_object(Bucket=event["bucket"], Key=key, **version)["Body"].read()
    columns = parse(dataset, key, body)
    rows = len(columns["time"])
    if flags.enabled("enable_enhanced_processing"):
        check_range(dataset, key, columns)
    bucket, processed_key = os.environ["PROCESSED_BUCKET"], event["processed_key"]
    metadata = {"source-key": key, "processor-version": VERSION}
    parquet = to_parquet(dataset, columns)
    s3.put_object(Bucket=bucket, Key=processed_key, Body=parquet, Metadata=metadata)
    logger.info("SUCCESS dataset=%s key=%s rows=%d -> s3://%s/%s", dataset, key, rows, bucket, processed_key)
    return {"bucket": bucket, "key": processed_key, "dataset": dataset, "rows": rows}


def parse(dataset: str, key: str, body: bytes) -> dict[str, list[Any]]:
    """The file as columns of the processed file: time, labels, value."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DecodeFailed(f"{key}: byte {error.start} is not UTF-8") from None
    lines = csv.reader(io.StringIO(text), delimiter=";")
    header = next(lines, None)
    if header is None:
        raise EmptyFile(f"{key}: no content")
    if header != HEADERS[dataset]:
        raise HeaderChanged(f"{key}: expected {';'.join(HEADERS[dataset])}, found {';'.join(header)[:200]}")
    names = ["time", *(LABELS[name][0] for name in header[1:-1]), VALUES[dataset]]
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for values in _rows(key, header, lines):
        for name, value in zip(names, values, strict=True):
            columns[name].append(value)
    if not columns["time"]:
        raise EmptyFile(f"{key}: a header and no rows")
    return columns


def _rows(key: str, header: list[str], lines: Iterator[list[str]]) -> Iterator[list[Any]]:
    for number, row in enumerate(lines, start=2):
        where = f"{key} line {number}"
        if len(row) != len(header):
            raise TruncatedRow(f"{where}: {len(row)} fields, expected {len(header)}")
        labels = [_label(where, name, text) for name, text in zip(header[1:-1], row[1:-1], strict=True)]
        yield [_instant(where, row[0]), *labels, _number(where, row[-1])]


def _label(where: str, column: str, text: str) -> str:
    known = LABELS[column][1]
    # The operator's files differ in case from year to year.
    label = text.strip().upper()
    if label not in known:
        raise UnknownLabel(f"{where}: {column}={text!r}; known: {', '.join(known)}")
    return known[label]


def _instant(where: str, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInstant(f"{where}: {text!r}") from None


def _number(where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InvalidNumber(f"{where}: {text!r}") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise InvalidNumber(f"{where}: {text!r}")
    return value


def check_range(dataset: str, key: str, columns: dict[str, list[Any]]) -> None:
    """Refuse values that no part of the grid can reach."""
    low, high = RANGES[dataset]
    for line, value in enumerate(columns[VALUES[dataset]], start=2):
        if not low <= value <= high:
            raise ValueOutOfRange(f"{key} line {line}: {value} MW is not within {low:.0f} and {high:.0f}")


def to_parquet(dataset: str, columns: dict[str, list[Any]]) -> bytes:
    """The columns as one Parquet file: times in UTC and milliseconds, labels as text, values as double."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow.csv import ConvertOptions, read_csv

    types = dict.fromkeys(columns, pa.string())
    types |= {"time": pa.timestamp("ms", tz="UTC"), VALUES[dataset]: pa.float64()}
    # By way of CSV: to take Python's own values, Arrow would load pandas, which doubles cold start and
    # memory.
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(columns)
    rows.writerows(zip(*columns.values(), strict=True))
    options = ConvertOptions(column_types=types)
    table = read_csv(io.BytesIO(text.getvalue().encode()), convert_options=options)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
