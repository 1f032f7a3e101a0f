"""Whatever bytes a file has, its reader ends soon: with what is in it, or with one sentence that names it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bad_files import READERS, sentence_of

from lib.cirrus.cm1.namelist import namelist_values, with_values

settings.register_profile("readers", derandomize=True, deadline=None, max_examples=60, database=None)
READ = settings.get_profile("readers")

pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")

#: What begins as the formats do, so that readers go on beyond the first bytes.
BEGINNINGS = (
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\x89HDF\r\n\x1a\n",
    b"CDF\x01",
    b"CDF\x02",
    b"CDF\x05",
    b"II*\0",
    b"GIF89a",
    b"BM",
    b"RIFF\x1a\0\0\0WEBPVP8L",
    b"P5\n",
    b"&a\n",
    b"{",
)


@pytest.fixture(scope="module", params=READERS)
def good(request, tmp_path_factory):
    """A reader, the path of its file and what it holds when it is good."""
    reader = READERS[request.param]
    path = tmp_path_factory.mktemp("files") / reader.name
    path.parent.mkdir(exist_ok=True)
    reader.write(path)
    return reader, path, path.read_bytes()


@READ
@given(start=st.sampled_from(BEGINNINGS), rest=st.binary(max_size=400))
def test_random_bytes(good, start, rest):
    reader, path, _ = good
    path.write_bytes(start + rest)
    sentence_of(reader, path)


@READ
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8), left=st.floats(0.5, 1))
def test_a_good_file_with_some_bytes_changed(good, changes, left):
    reader, path, content = good
    damaged = bytearray(content)
    for place, byte in changes:
        damaged[int(place**2 * len(damaged))] = byte  # most of them near the beginning, where formats are told
    path.write_bytes(damaged[: round(left * len(damaged)) if left < 0.9 else None])
    sentence_of(reader, path)


TEXTS = st.text(alphabet="&$/!=,'\"() \t\nab1d.*_", max_size=300)


@READ
@given(text=TEXTS)
def test_any_text_is_a_namelist_or_refused(text):
    try:
        values = namelist_values(text)
    except ValueError as error:
        assert "of the namelist has no end" in str(error)
    else:
        assert all(value in text for value in values.values())


@READ
@given(values=st.lists(st.integers(-9, 9), min_size=1, max_size=5), new=st.integers(-99, 99), at=st.integers(0, 4))
def test_one_value_of_a_namelist_changes_and_no_other(values, new, at):
    text = " &g\n" + "".join(f"  k{i} = {value},  ! k{i} = 7\n" for i, value in enumerate(values)) + " /\n"
    key = f"g:k{at % len(values)}"
    expected = {f"g:k{i}": str(value) for i, value in enumerate(values)} | {key: str(new)}
    assert namelist_values(with_values(text, {key: new})) == expected


@pytest.mark.parametrize("text", ["a", "a(", "a ", "a=(", "'\"", "a ( 1"])
def test_a_large_file_that_is_no_namelist_takes_no_longer_than_it_is_large(text):
    """Some of them took time with the square of their length: hours, were it so again."""
    with pytest.raises(ValueError, match="has no end"):
        namelist_values("&g " + text * (2_000_000 // len(text)))
