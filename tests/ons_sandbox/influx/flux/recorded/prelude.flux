// What every recorded query starts with. The parameter `bucket` names the bucket that points.lp was written to.
import "array"
import "influxdata/influxdb"
import "influxdata/influxdb/schema"

start = 2020-01-01T00:00:00Z
stop = 2020-01-01T03:00:00Z
stored = from(bucket: bucket) |> range(start: start, stop: stop)
generation = stored |> filter(fn: (r) => r._field == "generation_mw")

sample =
    array.from(
        rows: [
            {_time: 2020-01-01T00:00:00Z, _value: 1.5, tag: "a", n: 1},
            {_time: 2020-01-01T00:02:00Z, _value: 2.5, tag: "a", n: 2},
            {_time: 2020-01-01T00:03:00Z, _value: -7.0, tag: "a", n: 2},
            {_time: 2020-01-01T00:01:00Z, _value: 2.5, tag: "b", n: 5},
            {_time: 2020-01-01T00:04:00Z, _value: 8.0, tag: "b", n: 3},
        ],
    )
        |> group(columns: ["tag"])
// The rises of sample: every table starts with a null, and has one more where the value fell.
rises = sample |> difference(nonNegative: true, keepFirst: true)
minutes = sample |> range(start: 2020-01-01T00:01:00Z, stop: 2020-01-01T00:04:00Z)

