"""The past in S3: the raw and the processed files of the last days, as the pipeline would have left them.

Written into the emulator's state: through the API, every object would be processed again.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ons_sandbox.mends import mended
from ons_sandbox.platform import energy, files, names, packages
from ons_sandbox.platform.history.pipeline import Run


def write(runs: Sequence[Run], grid: energy.Grid) -> dict[str, tuple[int, str]]:
    """Write the files of these runs, whose instants must be in the grid.

    Gives size and ETag of each run's raw object, by the name of its execution.
    """
    shelf, written = _Shelf(), {}
    place = {int(second): number for number, second in enumerate(grid.instants)}
    tables = {name: _table(dataset, grid) for name, dataset in names.DATASETS.items()}
    version = packages.packages(names.PROCESSOR.name)[-1].number
    for run in runs:
        if run.dataset is None or run.instant is None:
            continue
        number = place[energy.seconds(run.instant)]
        found = grid.series(run.dataset.name)
        body = files.csv_of(
            run.dataset, run.instant, {key: float(line[number]) for key, line in found.items()}
        )
        body = files.truncated(body) if run.failed else body
        etag = shelf.put(names.RAW_BUCKET, run.key, body, run.arrived, {"content-type": "text/csv"})
        written[run.name] = len(body), etag
        if run.failed:
            continue
        made = _parquet(tables[run.dataset.name].slice(number * len(found), len(found)))
        headers = {"x-amz-meta-source-key": run.key, "x-amz-meta-processor-version": version}
        key = files.processed_key(run.dataset, run.instant)
        shelf.put(names.PROCESSED_BUCKET, key, made, run.invocations[1].end, headers)
    return written


def _table(dataset: names.Dataset, grid: energy.Grid) -> pa.Table:
    """Every row of the dataset as the processor writes it, one half hour after the other."""
    found = grid.series(dataset.name)
    times, keys = grid.instants * 1000, list(found)
    columns: dict[str, Any] = {"time": pa.array(np.repeat(times, len(keys)), pa.timestamp("ms", tz="UTC"))}
    for number, tag in enumerate(dataset.tags):
        columns[tag] = pa.array([key[number] for key in keys] * len(times), pa.string())
    columns[dataset.value] = pa.array(np.stack(list(found.values()), axis=1).ravel(), pa.float64())
    return pa.table(columns)


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


class _Shelf:
    """Puts objects as PutObject leaves them, at a time of our choosing, and tells nobody."""

    def __init__(self) -> None:
        self._s3: Any = mended(
            "ministack.services.s3",
            *(
                "_ensure_bucket",
                "_build_object_record",
                "_record_object_version",
                "_resolve_sse_write_headers",
            ),
        )
        self._encryption: dict[str, Mapping[str, str]] = {}

    def put(self, bucket: str, key: str, body: bytes, at: int, headers: Mapping[str, str]) -> str:
        """Put one object and give its ETag. at: ms since the epoch."""
        if bucket not in self._encryption:
            self._encryption[bucket], _ = self._s3._resolve_sse_write_headers({}, bucket)
        record = self._s3._build_object_record(body, dict(headers))
        record["preserved_headers"].update(self._encryption[bucket])
        moment = datetime.fromtimestamp(at / 1000, UTC)
        record["last_modified"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        objects = self._s3._ensure_bucket(bucket)["objects"]
        before = objects.get(key)
        objects[key] = record
        self._s3._record_object_version(bucket, key, before, record, body)
        return str(record["etag"]).strip('"')
