"""One sandbox and one source of operators for each procedure's proofs; each proof begins with a reset."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("seven")

from operators import Operators  # noqa: E402
from seven import World  # noqa: E402

from ons_sandbox import Sandbox  # noqa: E402
from sandboxes import clients_of  # noqa: E402

Running = tuple[Sandbox, Operators]


@pytest.fixture(scope="class")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The sandbox, its clock as fast as the case says, and the operators."""
    home = tmp_path_factory.mktemp("proofs")
    with Sandbox(home / "sandbox", traffic=False) as sandbox, Operators(home) as operators:
        sandbox.set_clock(request.cls.case.clock)
        yield sandbox, operators


@pytest.fixture
def world(request: pytest.FixtureRequest, running: Running, tmp_path: Path) -> Iterator[World]:
    """The seeded platform, prepared for the case, seen through fair weather."""
    sandbox, operators = running
    case = request.cls.case
    # A reset takes seconds, and after a proof that nothing changes there is nothing to put back.
    if request.cls.touched:
        sandbox.reset()
        case.prepare(clients_of(sandbox))
    made = World(case, sandbox, operators, tmp_path)
    with made.aws, made.influx:
        yield made
    request.cls.touched = made.touched
