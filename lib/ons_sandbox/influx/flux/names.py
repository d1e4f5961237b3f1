"""Names: the check, before anything runs, that a query uses only names that are defined.

As Flux does, so that a misspelt function is an error even where it would be applied to no rows. Names that
Flux has and this stand-in has not are told apart from those that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterator

from .errors import FluxError, Location, NotImplementedHere
from .syntax import (
    Array,
    Assignment,
    Binary,
    Call,
    Conditional,
    Expression,
    Function,
    Import,
    Logical,
    Member,
    Name,
    Program,
    Record,
    Unary,
)

# "Flux standard library / universe" (https://docs.influxdata.com/flux/v0/stdlib/universe/), by name.
FLUX_UNIVERSE = """
    aggregateWindow bool bottom bytes chandeMomentumOscillator columns contains count cov covariance
    cumulativeSum derivative die difference display distinct doubleEMA drop duplicate duration elapsed
    exponentialMovingAverage fill filter findColumn findRecord first float from getColumn getRecord
    group highestAverage highestCurrent highestMax histogram histogramQuantile holtWinters hourSelection
    increase int integral join kaufmansAMA kaufmansER keep keyValues keys last length limit linearBins
    logarithmicBins lowestAverage lowestCurrent lowestMin map max mean median min mode movingAverage now
    pearsonr pivot quantile range reduce relativeStrengthIndex rename sample set skew sort spread
    stateCount stateDuration stateTracking stddev string sum tableFind tail time timeShift
    timeWeightedAvg timedMovingAverage to toBool toFloat toInt toString toTime toUInt today top
    tripleEMA tripleExponentialDerivative truncateTimeColumn uint union unique wideTo window yield
    buckets
"""
# "Flux standard library / All packages": the first part of each import path.
FLUX_PACKAGES = """
    array bitwise contrib csv date dict experimental generate http influxdata interpolate join json
    kafka math pagerduty planner profiler pushbullet regexp runtime sampledata slack socket sql strings
    system testing timezone types universe
"""


def check(program: Program, known: set[str], packages: set[str]) -> None:
    """Raise FluxError for the first name or import path that is not known."""
    for import_ in program.imports:
        if import_.path not in packages:
            raise _unknown_package(import_)
    defined = known | {import_.name for import_ in program.imports}
    assigned: set[str] = set()
    for statement in program.statements:
        expression = statement.value if isinstance(statement, Assignment) else statement
        for name, at in _free(expression, defined):
            raise (
                NotImplementedHere(f"{name}()", at)
                if name in FLUX_UNIVERSE.split()
                else FluxError(f"undefined identifier {name}", at)
            )
        if isinstance(statement, Assignment):
            if statement.name in assigned:
                raise FluxError(f'variable "{statement.name}" reassigned', statement.at)
            assigned.add(statement.name)
            defined = defined | {statement.name}


def _unknown_package(import_: Import) -> FluxError:
    if import_.path.split("/")[0] in FLUX_PACKAGES.split():
        return NotImplementedHere(f'the package "{import_.path}"', import_.at)
    return FluxError(f"invalid import path {import_.path}", import_.at)


def _free(expression: Expression, defined: set[str]) -> Iterator[tuple[str, Location]]:
    """The names in an expression that are not defined there."""
    match expression:
        case Name(name):
            if name not in defined:
                yield name, expression.at
        case Function(parameters, result, assignments):
            inner = defined | {parameter.name for parameter in parameters}
            for parameter in parameters:
                if parameter.default is not None:
                    yield from _free(parameter.default, defined)
            for assignment in assignments:
                yield from _free(assignment.value, inner)
                inner = inner | {assignment.name}
            yield from _free(result, inner)
        case _:
            for part in _parts(expression):
                yield from _free(part, defined)


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Member(record, _):
            return (record,)
        case Call(function, arguments, piped):
            fed = () if piped is None else (piped,)
            return (*fed, function, *(value for _, value in arguments))
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right) | Logical(_, left, right):
            return (left, right)
        case Conditional(test, then, otherwise):
            return (test, then, otherwise)
        case Array(elements):
            return elements
        case Record(properties, base):
            return (*(() if base is None else (base,)), *(value for _, value in properties))
    return ()
