"""A look at a file of which nothing is known: its encoding and its delimiter."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from crmlib.io import csv_heads, samples

CHINESE = "客户编号,分组,消费金额\n" + "".join(f"{n},{'优惠券组' if n % 2 else '对照组'},{n}.5\n" for n in range(40))
WORDS_ONLY = (
    "客户名称,活动分组情况,客户反馈意见内容\n" + "上海某某贸易有限公司,优惠券实验组,满意程度非常之高并愿意推荐\n" * 20
)
FRENCH = "groupe,dépense,prénom\n" + "témoin,3,Zoé\nessayé,4,François\n" * 20
PLAIN = "arm,spend\n" + "control,3\nt,4\n" * 20


@pytest.mark.parametrize(
    ("text", "written", "found"),
    [
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8"),
        (CHINESE, "utf-16", "utf-16-le"),
        (CHINESE, "utf-16-le", "utf-16-le"),
        (CHINESE, "utf-16-be", "utf-16-be"),
        (WORDS_ONLY, "gb18030", "gb18030"),
        (WORDS_ONLY, "utf-16-le", "utf-16-le"),
        (WORDS_ONLY, "utf-16-be", "utf-16-be"),
        (FRENCH, "latin-1", "latin-1"),
        (FRENCH, "cp1252", "latin-1"),
        (FRENCH, "utf-8", "utf-8"),
        (PLAIN, "ascii", "utf-8"),
        (PLAIN, "utf-16-be", "utf-16-be"),
    ],
)
def test_the_encoding_is_that_in_which_it_was_written(tmp_path: Path, text: str, written: str, found: str) -> None:
    """Chinese in GB18030 has an even number of bytes as well, and would decode as UTF-16."""
    file = tmp_path / "export.csv"
    file.write_bytes(text.encode(written))
    sample = samples.of_file(file, None)
    assert sample.encoding == found
    assert list(sample.columns) == text.splitlines()[0].split(",")
    assert [cell or "" for cell in sample.rows[0]] == text.splitlines()[1].split(",")
    assert bool(sample.remarks) == (found in ("gb18030", "latin-1"))


@given(st.lists(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=8), min_size=1),
       st.sampled_from(["gb18030", "utf-8", "utf-8-sig"]))  # fmt: skip
@checks(max_examples=50)
def test_no_text_without_zero_bytes_is_taken_for_utf_16(words: list[str], encoding: str) -> None:
    start = ("编号,内容\r\n" + "".join(f"{n},{word}\r\n" for n, word in enumerate(words))).encode(encoding)
    assert csv_heads.unmarked(start) is None
    assert samples._encoding(start)[0] == encoding.removesuffix("-sig")


def test_stray_zero_bytes_are_no_utf_16() -> None:
    assert csv_heads.unmarked(b"id,amount\n1,2\x00\n3,4\n" * 40) is None
    assert samples._encoding(b"id,amount\n1,2\x00\n3,4\n" * 40)[0] == "utf-8"


def test_a_character_cut_by_the_end_of_the_sample_is_still_gb18030(tmp_path: Path) -> None:
    """The sample ends after 1,048,576 bytes: here within a character of two."""
    start = "编号,内容\n".encode("gb18030")
    line = "1,客户\n".encode("gb18030")
    left = (samples._BYTES - len(start) - 3) % len(line) or len(line)
    pad = b"x" * (left - 1) + b"\n"
    file = tmp_path / "long.csv"
    file.write_bytes(start + pad + line * 160_000)
    assert file.read_bytes()[: samples._BYTES][-1] >= 0x80
    assert samples.of_file(file, None).encoding == "gb18030"


@pytest.mark.parametrize(
    ("text", "delimiter", "columns"),
    [
        ("arm;spend\n" + "a;12,5\nb;7,25\n" * 20, ";", ["arm", "spend"]),
        ("a;b\n" + "1,5;2,5\n" * 20, ";", ["a", "b"]),
        ("id;arm;spend\n" + "1;a;12,5\n" * 20, ";", ["id", "arm", "spend"]),
        ("Report of 2024\n\nid,arm,spend\n" + "1,a;b,3\n" * 20, ",", ["id", "arm", "spend"]),
        ("one column\n" + "a\nb\n" * 20, ",", ["one column"]),
        ('name|note\n"a|b"|"x, y, z"\n' * 20, "|", ["name", "note"]),
    ],
)
def test_the_delimiter_is_that_of_the_heading_too(
    tmp_path: Path, text: str, delimiter: str, columns: list[str]
) -> None:
    file = tmp_path / "export.csv"
    file.write_text(text, encoding="utf-8")
    sample = samples.of_file(file, None)
    assert (sample.settings["delimiter"], list(sample.columns)) == (delimiter, columns)
