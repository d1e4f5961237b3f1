"""Values of the grid. Orders of size and directions are those of ONS: https://dados.ons.org.br/"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ons_sandbox.platform import energy, names

END = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SE, S, NE, N = names.REGIONS
BRASILIA = -3 * 3600


@pytest.fixture(scope="module")
def sixty_days() -> energy.Grid:
    return energy.grid(7, energy.span(END - timedelta(days=60), END))


def local_hours(grid: energy.Grid) -> np.ndarray:
    return (grid.instants + BRASILIA) % 86_400 / 3600


def test_a_value_depends_on_the_seed_and_its_own_instant_alone(sixty_days: energy.Grid) -> None:
    some = np.random.default_rng(1).permutation(sixty_days.instants)[:50]
    again = energy.grid(7, some)
    place = {int(second): number for number, second in enumerate(sixty_days.instants)}
    for dataset in names.DATASETS:
        for key, values in again.series(dataset).items():
            whole = sixty_days.series(dataset)[key]
            assert values.tolist() == [whole[place[int(second)]] for second in some]


def test_another_seed_gives_other_values(sixty_days: energy.Grid) -> None:
    other = energy.grid(8, sixty_days.instants)
    for dataset in names.DATASETS:
        for key, values in other.series(dataset).items():
            if key != (SE, "nuclear") and key[-1] != "solar":
                assert not np.allclose(values, sixty_days.series(dataset)[key]), key


@pytest.mark.parametrize("region", names.REGIONS)
def test_what_a_region_generates_and_does_not_use_flows_out_of_it(
    sixty_days: energy.Grid, region: str
) -> None:
    generated = sum(values for key, values in sixty_days.generation.items() if key[0] == region)
    out = sum(values for link, values in sixty_days.flow.items() if link[0] == region)
    received = sum(values for link, values in sixty_days.flow.items() if link[1] == region)
    assert np.abs(generated - sixty_days.load[(region,)] - (out - received)).max() < 0.01


def test_the_country_is_of_its_size(sixty_days: energy.Grid) -> None:
    load = {key[0]: values.mean() for key, values in sixty_days.load.items()}
    assert 72_000 < sum(load.values()) < 86_000
    assert 40_000 < load[SE] < 48_000
    assert 11_000 < load[S] < 15_000
    assert 11_000 < load[NE] < 15_000
    assert 6_000 < load[N] < 9_000


def test_hydro_is_the_largest_source_and_every_generation_is_positive(sixty_days: energy.Grid) -> None:
    mean = {
        source: sum(values.mean() for key, values in sixty_days.generation.items() if key[1] == source)
        for source in names.SOURCES
    }
    assert max(mean, key=lambda source: mean[source]) == "hydro"
    assert mean["hydro"] > 0.5 * sum(mean.values())
    assert all(values.min() >= 0 for values in sixty_days.generation.values())


def test_there_is_no_sun_at_night_and_most_of_it_at_noon(sixty_days: energy.Grid) -> None:
    hours, sun = local_hours(sixty_days), sixty_days.generation[(NE, "solar")]
    assert sun[(hours < 5) | (hours > 19)].max() == 0
    by_hour = [sun[hours == hour].mean() for hour in range(24)]
    assert 10 <= int(np.argmax(by_hour)) <= 13


def test_the_northeast_wind_blows_at_night(sixty_days: energy.Grid) -> None:
    hours, wind = local_hours(sixty_days), sixty_days.generation[(NE, "wind")]
    assert wind[(hours >= 22) | (hours < 5)].mean() > 1.3 * wind[(hours >= 11) & (hours < 16)].mean()


def test_nuclear_stands_in_the_southeast_and_hardly_moves(sixty_days: energy.Grid) -> None:
    assert [key[0] for key in sixty_days.generation if key[1] == "nuclear"] == [SE]
    nuclear = sixty_days.generation[(SE, "nuclear")]
    assert 1_900 < nuclear.mean() < 2_050
    assert nuclear.std() < 0.01 * nuclear.mean()


def test_people_use_less_on_sundays_and_most_in_the_evening(sixty_days: energy.Grid) -> None:
    load, hours = sixty_days.load[(SE,)], local_hours(sixty_days)
    weekday = ((sixty_days.instants + BRASILIA) // 86_400 + 3) % 7
    assert load[weekday == 6].mean() < 0.92 * load[weekday == 2].mean()
    by_hour = [load[hours == hour].mean() for hour in range(24)]
    assert 18 <= int(np.argmax(by_hour)) <= 21


def test_a_span_is_every_half_hour_between_its_ends_and_both_ends() -> None:
    start = datetime(2026, 11, 23, 1, 10, tzinfo=UTC)
    found = [datetime.fromtimestamp(int(second), UTC).strftime("%H:%M") for second in energy.span(start, END)]
    assert found == ["01:30", "02:00", "02:30", "03:00"]
