"""Ids in the database: keyed hashes that agree with OpenSSL's HMAC, or the ids as they are."""

from __future__ import annotations

from datetime import date
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


def test_of_a_keyed_date_only_the_year_is_kept() -> None:
    """The first of January stands for the year."""
    assert Identity("keyed", KEY).date(date(2020, 3, 17)) == date(2020, 1, 1)
    assert Identity("keyed", KEY).date(None) is None


def test_kept_ids_stay_as_they_are() -> None:
    """For data that are de-identified already."""
    identity = Identity("kept", "")
    assert identity.patient("0a38e7597ca26f9374f8ea2770ba870d") == "0a38e7597ca26f9374f8ea2770ba870d"
    assert identity.uid("1.2.3") == "1.2.3"
    assert identity.date(date(2020, 3, 17)) == date(2020, 3, 17)


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
