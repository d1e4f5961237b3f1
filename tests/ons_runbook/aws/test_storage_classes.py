"""What the storage classes ask for and save.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html ·
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html: 40 KB
beside each archived object, 8 KB of them at STANDARD's price · https://aws.amazon.com/s3/pricing/
"""

import botocore.session
import pytest

from ons_runbook.aws import storage_classes
from ons_runbook.errors import ChangeRefused

GB = 2**30


def test_every_class_is_one_that_a_transition_can_name():
    model = botocore.session.get_session().get_service_model("s3")
    known = set(model.shape_for("Transition").members["StorageClass"].enum)
    assert set(storage_classes.NAMES) == known - {"INTELLIGENT_TIERING"}


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("STANDARD_IA", (30, 30)),
        ("ONEZONE_IA", (30, 30)),
        ("GLACIER_IR", (0, 90)),
        ("GLACIER", (0, 90)),
        ("DEEP_ARCHIVE", (0, 180)),
    ],
)
def test_days_in_standard_before_and_days_charged_for(name, days):
    found = storage_classes.named(name)
    assert (found.wait_days, found.paid_days) == days


def test_a_gigabyte_saves_the_difference_of_the_prices(make_platform):
    platform = make_platform()
    assert storage_classes.named("GLACIER_IR").saves(platform, 1, GB) == pytest.approx(0.023 - 0.004)
    assert storage_classes.named("STANDARD_IA").saves(platform, 1, GB) == pytest.approx(0.023 - 0.0125)


def test_archiving_small_objects_costs_more_than_it_saves(make_platform):
    deep = storage_classes.named("DEEP_ARCHIVE")
    objects = 1000
    overhead = objects * (8 * 1024 * 0.023 + 32 * 1024 * 0.00099) / GB
    saved = objects * 8 * 1024 * (0.023 - 0.00099) / GB
    assert deep.saves(make_platform(), objects, objects * 8 * 1024) == pytest.approx(saved - overhead)
    assert saved < overhead


def test_moving_is_charged_by_the_thousand_objects(make_platform):
    assert storage_classes.named("GLACIER_IR").moving(make_platform(), 5000) == pytest.approx(0.1)


def test_prices_of_the_settings_win_and_are_named_as_such(make_platform):
    platform = make_platform(prices={"s3_glacier_ir_storage": 0.005})
    chosen = storage_classes.named("GLACIER_IR")
    assert chosen.saves(platform, 1, GB) == pytest.approx(0.018)
    assert chosen.assumption(platform) == (
        "0.005 instead of 0.023 USD per GB-month (2026-11-23 and platform settings)"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GLACIER-IRR", "Did you mean GLACIER_IR?"),
        ("glacier", "Did you mean GLACIER?"),
        ("STANDARD", "that is where they are"),
        ("INTELLIGENT_TIERING", "depends on how the objects will be read"),
        ("", "Choose one of STANDARD_IA, ONEZONE_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE"),
    ],
)
def test_a_class_that_there_is_not_is_refused_with_those_that_there_are(name, said):
    with pytest.raises(ChangeRefused) as refused:
        storage_classes.named(name)
    assert said in str(refused.value)


@pytest.mark.parametrize(("name", "days"), [("STANDARD_IA", 29), ("GLACIER_IR", -1)])
def test_too_few_days_are_refused(name, days):
    with pytest.raises(ChangeRefused, match=f"not after {days}"):
        storage_classes.check_days(storage_classes.named(name), days)


@pytest.mark.parametrize(("name", "days"), [("STANDARD_IA", 30), ("GLACIER_IR", 0)])
def test_the_fewest_days_that_there_are_pass(name, days):
    storage_classes.check_days(storage_classes.named(name), days)


def test_compared_has_every_class_with_its_fees_and_the_date_of_its_prices(make_platform):
    frame = storage_classes.compared(make_platform()).set_index("storage_class")
    assert list(frame.index) == ["STANDARD", *storage_classes.NAMES]
    row = frame.loc["DEEP_ARCHIVE"]
    assert (row["usd_per_gb_month"], row["usd_per_gb_read"], row["charged_days"]) == (0.00099, 0.02, 180)
    assert row["readable"] == "after a restore of up to 12 hours"
    assert frame.loc["GLACIER_IR"]["readable"] == "at once"
    assert set(frame["prices_of"]) == {"2026-11-23"}
