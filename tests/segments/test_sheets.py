"""FAULTS C3, F8: spreadsheets' exports are read as they were meant, whatever their encoding, line ends and delimiter."""

import codecs
from datetime import UTC, datetime
from io import BytesIO

import pytest

from api.campaigns.rows import from_sheet
from api.products.rows import csv_rows
from api.profiles.opt_outs import Reading, read
from segments.define.importing import BadFile, read_rows
from segments.define.sheets import NotCsv, encoding_of, lines_of, ragged, sheet, written_in

ROWS = [("email", "ana@shop.example"), ("email", "bob@shop.example")]
TEXT = "Correo;E-mail\r\nMuñoz, Ana;ana@shop.example\r\nPeña, Bob;bob@shop.example\r\n"
WRITTEN = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "Excel in Spain": TEXT.encode("cp1252"),
    "Excel's Unicode text": TEXT.replace(";", "\t").encode("utf-16"),
    "big-endian": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "named delimiter": f"sep=;\r\n{TEXT}".encode(),
    "line ends of old Macs": TEXT.replace("\r\n", "\r").encode(),
    "delimiters inside quotes": b'"name, first, last, other";email\n"Ana, M, L";ana@shop.example\nBob;bob@shop.example\n',
    "a named delimiter of its own": b"sep=|\nname|email\nAna|ana@shop.example\nBob|bob@shop.example\n",
}


@pytest.mark.parametrize("raw", WRITTEN.values(), ids=WRITTEN)
def test_however_it_was_written(raw: bytes) -> None:
    assert [row.name for row in read_rows(lines_of(BytesIO(raw)))] == ROWS


def test_names_in_windows_1252_are_read_as_they_were_meant() -> None:
    file = BytesIO(TEXT.encode("cp1252"))
    assert encoding_of(file) == "cp1252"
    _, rows = sheet(lines_of(file))
    assert next(rows)[1][0] == "Muñoz, Ana"


def test_a_header_of_very_many_columns_is_refused_before_anything_is_done_with_it() -> None:
    for many in (f"user_id{',c' * 500}\n", f"sep=;\nuser_id{';c' * 500}\n"):
        with pytest.raises(NotCsv, match="names 501 columns, more than 500"):
            sheet(many.splitlines(keepends=True))
    assert len(sheet([f"user_id{',c' * 499}\n"])[0]) == 500
    with pytest.raises(NotCsv, match="line 2 is longer than 1,048,576 characters"):
        list(sheet(["user_id\n", "," * (1 << 20) + "\n"])[1])


@pytest.mark.parametrize("last", [b"x", b"\x00\xd8\n\x00"])
def test_bytes_that_are_no_text_are_a_bad_row(last: bytes) -> None:
    """An odd byte at the end of UTF-16, and half of a surrogate pair."""
    raw = "email\nana@shop.example\n".encode("utf-16") + last
    good, bad = read_rows(lines_of(BytesIO(raw)))
    assert (good.name, bad.name) == (("email", "ana@shop.example"), None)
    assert "no text in the encoding" in bad.problem


def test_a_column_that_is_named_twice_is_refused() -> None:
    with pytest.raises(BadFile, match="names 'email' twice"):
        list(read_rows(["E-mail,email\n", "a@b.example,c@d.example\n"]))


def test_telephones_are_read_as_ingest_reads_them() -> None:
    rows = list(read_rows(["Phone\n", "600 123 456\n", "+44 20 7946 0958\n", "12\n"], "ES"))
    assert [row.name for row in rows] == [("phone", "+34600123456"), ("phone", "+442079460958"), None]
    assert (rows[2].given, rows[2].problem) == ("12", "the phone is no number; write it with its country code, or as in ES")


def test_line_numbers_are_those_of_an_editor() -> None:
    assert [row.number for row in read_rows(["sep=,\n", "user_id\n", "a\n", "\n", "b\n"])] == [3, 5]


def test_what_is_no_list_says_what_it_names() -> None:
    with pytest.raises(BadFile, match="phone, customer_id or anonymous_id; it names 'colour'"):
        list(read_rows(["colour\n", "red\n"]))
    with pytest.raises(NotCsv, match="what follows line 2 is not CSV"):
        list(read_rows(["user_id\n", "a\n", '"b\n']))


@pytest.mark.parametrize(
    ("encoding", "name"), [("mac_roman", "García"), ("mac_roman", "Ibáñez"), ("koi8-r", "Иванов"), ("shift_jis", "田中さん")]
)
def test_what_is_hardly_windows_1252_is_doubted_and_read_by_the_name_of_its_encoding(encoding: str, name: str) -> None:
    raw = f"user_id,name\nu-1,{name} Peñaç\n" if encoding == "mac_roman" else f"user_id,name\nu-1,{name}\n"
    file = BytesIO((raw + "u-2,x\n").encode(encoding))
    guessed = written_in(file)
    assert (guessed.encoding, guessed.doubt is not None, name in guessed.sample) == ("cp1252", True, False)
    named = written_in(file, encoding)
    assert (named.doubt, named.sample[0]) == (None, name)
    assert name in lines_of(file, encoding).read()


@pytest.mark.parametrize("name", ["Muñoz", "O\u2019Neill", "Ibáñez", "Françoise", "Müller-Weiß", "Peña & Söhne", "10 €"])
def test_what_windows_writes_is_not_doubted(name: str) -> None:
    assert written_in(BytesIO(f"name\n{name}\n".encode("cp1252"))).doubt is None


def test_an_encoding_that_there_is_not_is_refused() -> None:
    with pytest.raises(NotCsv, match="there is no encoding 'klingon'; it is one such as"):
        lines_of(BytesIO(b"x"), "klingon")


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("u1;Ana;Calle Mayor;3", "in quotes"),
        ("u1;Ana", "empty cells, too"),
        ('u1;"Ana; la de Lugo";x', None),
        ("u1;;", None),
        ("u1;Ana;x;;", None),
    ],
)
def test_a_row_with_other_cells_than_columns_is_a_bad_one(line: str, ends: str | None) -> None:
    """One cell too many or too few moves what stands in the others: everywhere where rows are read."""
    columns = ["user_id", "name", "city"]
    [(_, cells)] = sheet([";".join(columns), line])[1]
    problem = ragged(columns, cells)
    assert problem.endswith(ends) if problem and ends else problem is ends
    how = Reading("email", "ES", "secret", "", datetime(2026, 11, 1, tzinfo=UTC))
    (listed,), (started,) = read_rows(["user_id;name;city", line]), from_sheet(["user_id;name;city", line], "ES", None)
    (sold,), ((_, said),) = csv_rows(["id;name;url", line]), read(["email;reason;source", line.replace("u1", "a@b.es")], how)
    told = [listed.problem, started.problem, sold.problem, said if isinstance(said, str) else ""]
    assert told == [problem or ""] * 4


@pytest.mark.parametrize("name", ["idna", "punycode", "unicode_escape", "raw_unicode_escape", "base64", "rot13", "undefined"])
def test_a_codec_that_no_file_is_written_in_is_no_encoding(name: str) -> None:
    with pytest.raises(NotCsv, match="there is no encoding"):
        lines_of(BytesIO(b"user_id\nu-1.xn--a\n"), name)
