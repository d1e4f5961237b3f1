"""Tables as every reading function returns them: documented columns, typed even when empty, missing stays
missing.

Column names carry their unit as a suffix (`latency_ms`, `error_rate_percent`, `timeout_s`, `age_minutes`),
which is also how show.py finds it. https://pandas.pydata.org/docs/user_guide/basics.html#dtypes
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

TEXT = "string"
WHOLE = "Int64"
NUMBER = "Float64"
TRUTH = "boolean"
MOMENT = "datetime64[ns, UTC]"


def table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], empty: str = "") -> pd.DataFrame:
    """Rows as a DataFrame with exactly these columns and dtypes; what a row does not have is missing (NA).

    `empty` is the sentence that stands for the table when it has no rows.
    """
    listed = list(rows)
    frame = pd.DataFrame(
        {name: pd.Series([row.get(name) for row in listed], dtype=dtype) for name, dtype in columns.items()}
    )
    frame.attrs["empty"] = empty
    return frame


def given(value: Any) -> bool:
    """Whether a table's cell holds something: neither None, NaN, NaT nor NA."""
    return not pd.isna(value)


def text(value: Any, otherwise: str = "") -> str:
    """A table's cell as text, or `otherwise` when it is missing."""
    return str(value) if given(value) else otherwise
