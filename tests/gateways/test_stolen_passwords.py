"""Claims about stolen passwords: exactly those of the list are refused, whatever its length and its line ends."""

from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from tollgate.gateways.stolen_passwords import STOLEN, UNREADABLE, StolenPasswordValidator, hash_of, is_listed

LOOK_ALIKES = ["0" * 40, "F" * 40]
WORDS = st.lists(st.text(max_size=30), max_size=40, unique=True)


@pytest.fixture(scope="module")
def list_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for a list."""
    return tmp_path_factory.mktemp("stolen") / "pwned-passwords-sha1-ordered-by-hash.txt"


def written(path: Path, words: list[str], *, end: str = "\r\n", last: bool = True) -> None:
    hashes = sorted({*(hash_of(word).decode() for word in words), LOOK_ALIKES[0]})
    lines = [f"{line}:{number}" for number, line in enumerate(hashes, 1)]
    path.write_bytes((end.join(lines) + (end if last else "")).encode())


@given(listed=WORDS, others=WORDS, end=st.sampled_from(["\n", "\r\n"]), last=st.booleans())
def test_what_is_listed_is_found_and_nothing_else(
    list_of: Path, listed: list[str], others: list[str], end: str, last: bool
) -> None:
    written(list_of, listed, end=end, last=last)
    with list_of.open("rb") as file:
        for word in {*listed, *others}:
            file.seek(0)
            assert is_listed(file, hash_of(word)) is (word in listed), word
        for absent in LOOK_ALIKES[1:]:
            file.seek(0)
            assert not is_listed(file, absent.encode())


def test_a_listed_password_is_refused_and_another_taken(list_of: Path) -> None:
    written(list_of, ["correct horse battery", "x"])
    chosen = StolenPasswordValidator(str(list_of))
    with pytest.raises(ValidationError, match=STOLEN):
        chosen.validate("correct horse battery")
    chosen.validate("Correct horse battery")


def test_a_list_in_another_order_is_no_list(tmp_path: Path) -> None:
    """The same hashes by how often each was seen: a search would find hardly any of them."""
    words = [f"password {number}" for number in range(200)]
    path = tmp_path / "ordered-by-count.txt"
    path.write_bytes(b"".join(hash_of(word) + b":%d\n" % (999 - n) for n, word in enumerate(words)))
    told = set()
    for word in words:
        with pytest.raises(ValidationError) as refused:
            StolenPasswordValidator(str(path)).validate(word)
        told |= set(refused.value.messages)
    assert UNREADABLE in told
    with pytest.raises(ValidationError, match=UNREADABLE):
        StolenPasswordValidator(str(path)).validate("correct horse battery")


@pytest.mark.parametrize("content", [None, b"", b"password\n", b"8846F7EAEE8FB117AD06BDD830B7586C:3\n"])
def test_without_a_list_that_can_be_read_no_password_is_taken(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValidationError, match=UNREADABLE):
        StolenPasswordValidator(str(path)).validate("correct horse battery")
