"""Personal data in free text, replaced by what kind of thing stood there.

Removed: mail addresses, web links, phone numbers, Chinese identity numbers, card and account numbers, street addresses
with a number, and a name after a form of address or "my name is". Not removed: any other name, a place without a
number, a job, a health remark; nobody should publish a quote unread. The patterns use nothing that Python and the
engine's RE2 read differently, so a text comes out the same in either; `[0-9]` also stands for full-width digits.
"""

import re

import ibis.expr.types as ir
import pandas as pd

_D = "[0-9０-９]"
_SEP = r"[ .\-]?"
# In this order: what contains another pattern comes first. Some keep a part, a group.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"(?i)[a-z0-9._%+\-]+[@＠][a-z0-9\-]+(\.[a-z0-9\-]+)+", "[mail]"),
    (r"(?i)(https?://|www\.)[^\s，。；、）)]+", "[link]"),
    (r"(?i)(微信号?|QQ号?|weixin|wechat|qq)[:：是为 ]{0,3}[a-z0-9_\-]{5,20}", r"\1 [account]"),
    (rf"{_D}{{17}}[0-9０-９Xx]", "[id]"),
    (rf"{_D}{{4}}{_SEP}{_D}{{4}}{_SEP}{_D}{{4}}{_SEP}{_D}{{1,7}}", "[number]"),
    (rf"(\+|00){_D}{{1,3}}({_SEP}\(?{_D}{{1,5}}\)?){{2,6}}", "[phone]"),
    (rf"1[3-9]{_D}{_SEP}{_D}{{4}}{_SEP}{_D}{{4}}", "[phone]"),
    (rf"\(?0{_D}{{2,4}}\)?[ \-]?{_D}{{3,4}}[ \-]?{_D}{{3,4}}", "[phone]"),
    (rf"\(?{_D}{{3}}\)?[ .\-]{_D}{{3,4}}[ .\-]{_D}{{4}}", "[phone]"),
    (rf"{_D}{{3}}-{_D}{{4}}", "[phone]"),
    (rf"{_D}{{9,}}", "[number]"),
    (
        rf"{_D}{{1,5}} ([A-Z][A-Za-z'\-]+ ){{1,3}}(Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way"
        r"|Court|Ct|Place|Pl|Square|Sq)\b\.?",
        "[address]",
    ),
    (
        rf"[\x{{4e00}}-\x{{9fff}}]{{1,8}}(路|街|巷|弄|道|胡同|大街|大道){_D}{{1,5}}[号弄]"
        rf"({_D}{{1,4}}(号楼|栋|幢|单元|室|号))*",
        "[address]",
    ),
    (rf"{_D}{{1,4}}(号楼|栋|幢|单元)({_D}{{1,5}}(单元|室|号|层|楼))*", "[address]"),
    (r"\b(Mr|Mrs|Ms|Miss|Dr|Prof)\.? [A-Z][A-Za-z'\-]+( [A-Z][A-Za-z'\-]+)?", r"\1 [name]"),
    (r"\b([Mm]y name is|[Ii] am called|[Tt]his is|[Ss]igned|[Rr]egards),? [A-Z][a-z'\-]+( [A-Z][a-z'\-]+)?",
     r"\1 [name]"),
    (r"(我叫|我是|本人|联系人|名叫|姓名[:：]?)[\x{4e00}-\x{9fff}]{1,3}(先生|女士|小姐|老师|经理)", r"\1[name]\2"),
    (r"(我叫|我的名字叫|我的名字是|名叫)[\x{4e00}-\x{9fff}]{2,3}", r"\1[name]"),
)  # fmt: skip
MASK = "|".join(sorted({re.escape(found[0]) for _pattern, by in _PATTERNS if (found := re.search(r"\[\w+\]", by))}))
"""What stands for personal data, as a pattern; a mask is no word of the customer's."""
_PYTHON = [(re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", pattern), re.ASCII), by) for pattern, by in _PATTERNS]


def text(said: str) -> str:
    """One text without the personal data that can be told by its form."""
    for pattern, by in _PYTHON:
        said = pattern.sub(by, said)
    return said


def texts(said: pd.Series) -> pd.Series:
    """The same for each text; a missing one stays missing."""
    return said.map(text, na_action="ignore").astype("str")


def engine(said: ir.StringValue) -> ir.StringValue:
    """The same for a column in the engine."""
    for pattern, by in _PATTERNS:
        said = said.re_replace(pattern, by)
    return said
