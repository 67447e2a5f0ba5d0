"""Ids in the database: keyed hashes that agree with OpenSSL's HMAC, or the ids as they are."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from lungdb.dicom.identity import Identity
from lungdb.errors import LungdbError

KEY = "0123456789abcdef0123456789abcdef"


def test_a_keyed_patient_id_is_hmac_sha256_as_openssl_computes_it() -> None:
    r"""printf 'patient\0MRN-4711' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef"""
    assert Identity("keyed", KEY).patient("MRN-4711") == "b5b60f9f5489b2d167f393226895b54e"


def test_a_keyed_uid_is_a_uuid_uid_as_openssl_computes_it() -> None:
    r"""Of printf 'uid\0001.2.3' | openssl dgst -sha256 -hmac …, the first 32 digits, as a decimal number under 2.25."""
    assert Identity("keyed", KEY).uid("1.2.3") == f"2.25.{int('b6739a72ca9f0fb62c5c7eb0fc47b11c', 16)}"


def test_a_keyed_uid_fits_dicoms_64_characters() -> None:
    """2.25. and at most 39 digits."""
    assert all(len(Identity("keyed", KEY).uid(str(number))) <= 64 for number in range(200))


def test_another_key_gives_another_id_and_check_value() -> None:
    """And the key itself is never shown."""
    one, other = Identity("keyed", KEY), Identity("keyed", KEY[::-1])
    assert one.patient("a") != other.patient("a")
    assert one.key_check != other.key_check
    assert KEY not in repr(one)
    assert KEY not in one.key_check


def test_a_keyed_date_lies_as_many_days_earlier_as_openssl_says() -> None:
    r"""1 + 0x780c4532e3964cf6 % 365 days, by printf 'days\0MRN-4711' | openssl dgst -sha256 -hmac …."""
    days = 1 + int("780c4532e3964cf6", 16) % 365
    assert Identity("keyed", KEY).date(date(2020, 3, 17), "MRN-4711") == date(2020, 3, 17) - timedelta(days)
    assert Identity("keyed", KEY).date(None, "MRN-4711") is None


def test_intervals_of_a_patient_stay_and_no_true_date_is_stored() -> None:
    """Of two hundred patients: 1 to 365 days back, many different ones, the same for every date of one patient."""
    identity = Identity("keyed", KEY)
    first, second = date(2020, 2, 28), date(2021, 3, 1)
    shifts = set()
    for number in range(200):
        stored = [identity.date(day, f"p{number}") for day in (first, second)]
        assert stored[0] is not None
        assert stored[1] is not None
        assert stored[1] - stored[0] == second - first
        shifts.add((first - stored[0]).days)
    assert min(shifts) >= 1
    assert max(shifts) <= 365
    assert len(shifts) > 100


def test_a_date_that_would_lie_before_the_year_1_is_none() -> None:
    """Files hold such, and a DATE cannot."""
    assert Identity("keyed", KEY).date(date(1, 1, 1), "MRN-4711") is None


def test_a_birth_year_of_whoever_may_be_90_is_not_told() -> None:
    """The Safe Harbor method: no year that tells an age over 89; data whose ids are kept are de-identified already."""
    today = date(2026, 6, 1)
    assert Identity("keyed", KEY).birth_year(1937, today) == 1937
    assert Identity("keyed", KEY).birth_year(1936, today) is None
    assert Identity("keyed", KEY).birth_year(None, today) is None
    assert Identity("kept", "").birth_year(1930, today) == 1930


@pytest.mark.parametrize(
    "kernel",
    ["B30f", "Br40d\\3", "I50f\\2", "STANDARD", "BONEPLUS", "FC51", "YA", "C", "B_SOFT_B", "SOFT", "LUNG", "10",
     "Hr68f\\5",
     "EXPERIMENTAL7", "Qr40f", "LUNG+ 2"],
)  # fmt: skip
def test_a_keyed_kernel_is_stored_where_it_is_one(kernel: str) -> None:
    """Names that manufacturers give kernels, with a second value where they write one."""
    assert Identity("keyed", KEY).kernel(kernel) == kernel


@pytest.mark.parametrize(
    "text",
    [
        "DOE^JANE",
        "Jane Doe",
        "B30f\\DOE",
        "MRN4711",
        "4711815",
        "Lung of J. Doe",
        "JD",
        "LUNG19650312",
        "65-03-12",
        "12.03.65",
        "B30f\\12\\3",
    ],
)
def test_a_keyed_kernel_that_is_another_text_is_left_out(text: str) -> None:
    """An attribute of free text may hold a name; where ids are kept it stays."""
    assert Identity("keyed", KEY).kernel(text) is None
    assert Identity("kept", "").kernel(text) == text


def test_kept_ids_stay_as_they_are() -> None:
    """For data that are de-identified already."""
    identity = Identity("kept", "")
    assert identity.patient("0a38e7597ca26f9374f8ea2770ba870d") == "0a38e7597ca26f9374f8ea2770ba870d"
    assert identity.uid("1.2.3") == "1.2.3"
    assert identity.date(date(2020, 3, 17), "a") == date(2020, 3, 17)


def test_a_path_is_hashed_in_both_modes() -> None:
    """Folders bear patients' names; 32 bytes stand for them."""
    for identity in (Identity("kept", ""), Identity("keyed", KEY)):
        digest = identity.path(Path("/archive/DOE_JANE/1.dcm"))
        assert len(digest) == 32
        assert digest != identity.path(Path("/archive/DOE_JANE/2.dcm"))


@pytest.mark.parametrize(("mode", "key"), [("keyed", ""), ("keyed", "short"), ("kept", "short")])
def test_a_key_that_protects_nothing_is_refused(mode: str, key: str) -> None:
    """Empty where one is needed, or too short; its text is not quoted."""
    with pytest.raises(LungdbError, match="id_key") as caught:
        Identity(mode, key)
    assert "short" not in str(caught.value)
