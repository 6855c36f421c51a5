"""`crm effect`: an experiment as a plain table, from the file to the sentence."""

import json

import numpy as np
import pandas as pd
import pytest

from crmlib import cli
from crmlib.review import experiment, verdict
from crmlib.views import tables


@pytest.fixture
def mails(tmp_path):
    """300 customers an arm; 12, 20 and 27 % answered; spend is the same in all."""
    arm = np.repeat(["none", "letter", "call"], 300)
    hits = [1] * 36 + [0] * 264 + [1] * 60 + [0] * 240 + [1] * 81 + [0] * 219
    table = pd.DataFrame(
        {
            "arm": arm,
            "answered": hits,
            "spend": np.tile(np.arange(300) % 40, 3),
            "last_year": np.tile(np.arange(300) % 50, 3),
        }
    )
    file = tmp_path / "mails.csv"
    table.to_csv(file, index=False)
    return file


def said(capsys, *arguments: object) -> tuple[int, list[str], str]:
    """Exit code, what speaks against the draw and the sentences below the table, and what went wrong."""
    code, parts, err = printed(capsys, *arguments)
    return code, parts[0][1:] + parts[2] if len(parts) > 2 else [], err


def printed(capsys, *arguments: object) -> tuple[int, list[list[str]], str]:
    """What is printed in parts: what was read, the table, the sentences, the method."""
    code = cli.main(["effect", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, [part.splitlines() for part in out.strip().split("\n\n")], err.strip()


def test_each_arm_is_compared_with_the_control(capsys, mails):
    code, lines, _ = said(capsys, mails, "--arm", "arm", "--outcome", "answered", "--target", "0.1")
    assert code == 0 and len(lines) == 2
    assert lines[0].startswith(
        "answered: 27.0% in 'call', 12.0% in 'none' (300 and 300 customers): a difference of 15.00 points"
    )
    assert lines[0].endswith("Verdict: effective; it is not chance and reaches the target.")
    assert "a difference of 8.00 points (66.7% of the control's)" in lines[1]
    assert "Verdict: partly effective" in lines[1]


def test_without_a_target_only_the_existence_of_an_effect_is_judged(capsys, mails):
    _, lines, _ = said(
        capsys, mails, "--arm", "arm", "--outcome", "answered", "--outcome", "spend", "--before", "last_year"
    )
    assert [line.split("Verdict: ")[1].split(";")[0] for line in lines] == ["there is an effect"] * 2 + [
        "cannot tell"
    ] * 2


def test_less_may_be_better(capsys, mails):
    _, lines, _ = said(capsys, mails, "--arm", "arm", "--outcome", "answered", "--target", 0.1, "--lower-is-better")
    assert all("Verdict: harmful" in line for line in lines)


def test_chinese_and_a_file_of_figures(capsys, mails, tmp_path):
    out = tmp_path / "figures.csv"
    _, lines, _ = said(
        capsys, mails, "--arm", "arm", "--outcome", "answered", "--lang", "zh", "--target", 0.1, "--out", out
    )
    assert lines[0].endswith("结论：有效；并非偶然，且达到目标。")
    figures = pd.read_csv(out)
    assert figures["effect"].tolist() == pytest.approx([0.15, 0.08])
    first = out.read_bytes()
    said(capsys, mails, "--arm", "arm", "--outcome", "answered", "--lang", "zh", "--target", 0.1, "--out", out)
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--arm", "arm", "--outcome", "answer"), "mails.csv has no column 'answer'; did you mean 'answered'? it has: "),
        (("--arm", "arm", "--outcome", "spend", "--control", "no"), "--control 'no' is no arm; arm has 'call' (300), "),
        (("--arm", "last_year", "--outcome", "spend"), "last_year holds 50 values; that is hardly a column of arms"),
        (("--arm", "arm", "--outcome", "spend", "--target", "-1"), "--target is the size of the effect aimed at"),
        (("--arm", "arm", "--outcome", "arm"), "mails.csv: arm holds words, such as 'call'; give a column of numbers, or of 0 and 1"),
        (("--arm", "arm", "--outcome", "answered", "--target", "2"), "answered holds 0 and 1 only, so --target 2 would be 200 points"),
        (("--arm", "arm", "--outcome", "spend", "--id", "last_year"), "mails.csv: last_year '0' has more than one row (850 rows too"),
        (("--arm", "arm", "--outcome", "spend", "--cluster", "last_year"), "mails.csv: last_year '0' has customers in 3 arms (50 such)"),
        (("--arm", "arm", "--outcome", "spend", "--shares", "none"), "--shares 'none': write it as ARM=0.5"),
        (("--arm", "arm", "--outcome", "spend", "--shares", "mail=1"), "--shares 'mail=1': 'mail' is no arm"),
        (("--arm", "arm", "--outcome", "spend", "--target", "5%"), "--target '5%' is no number; write two points of a rate as 0.02"),
        (("--arm", "arm", "--outcome", "spend", "--target", "x=1"), "--target 'x' is no outcome; write it as COL=X for each of spend"),
        (("--arm", "arm", "--outcome", "answered,spent"), "mails.csv has no column 'spent'; did you mean 'spend'?"),
        (("--arm", "arm", "--outcome", "spend", "--out", "x.xlsx"), "--out x.xlsx ends in neither .csv nor .json; name it so"),
        (("--arm", "arm", "--outcome", "spend", "--out", "no/x.csv"), "--out no/x.csv: there is no folder no; make it first"),
        ((), "mails.csv: say --arm and --outcome; its columns are arm, answered, spend, last_year; arms may be: arm, answered; "
             "outcomes may be: answered, spend, last_year"),
        (("--arm", "arm"), "mails.csv: say --outcome; its columns"),
    ],
)  # fmt: skip
def test_what_cannot_be_reviewed_is_said(capsys, mails, arguments, sentence):
    code, lines, error = said(capsys, mails, *arguments)
    assert code == cli.WRONG_INPUT and lines == [] and error.startswith(sentence)


def test_two_arms_without_a_control_name_ask_which(capsys, tmp_path):
    file = tmp_path / "ab.parquet"
    pd.DataFrame({"version": ["A", "B"] * 50, "sold": [0, 1] * 50}).to_parquet(file)
    code, _, error = said(capsys, file, "--arm", "version", "--outcome", "sold")
    assert code == cli.WRONG_INPUT
    assert error == "which arm is the control? version has 'A' (50), 'B' (50); say --control with one of them"


def test_excel_yes_and_no_missing_answers_and_stores_as_the_unit(capsys, tmp_path):
    """8 stores of 5 customers; an empty answer is left out, or zero when told so."""
    stores = np.repeat([f"s{n}" for n in range(8)], 5)
    bought = ["yes", "no", None, "yes", "no"] * 4 + ["no", "no", None, "yes", "no"] * 4
    file = tmp_path / "stores.xlsx"
    pd.DataFrame({"store": stores, "arm": ["treated"] * 20 + ["control"] * 20, "bought": bought}).to_excel(
        file, index=False
    )
    common = (file, "--arm", "arm", "--outcome", "bought", "--cluster", "store")
    _, lines, _ = said(capsys, *common)
    assert lines[0].startswith("bought: 0.50 in 'treated', 0.25 in 'control' (4 and 4 clusters)")
    _, lines, _ = said(capsys, *common, "--missing", "zero")
    assert lines[0].startswith("bought: 0.40 in 'treated', 0.20 in 'control' (4 and 4 clusters)")


def test_an_unfair_draw_is_named(capsys, tmp_path):
    n = 400
    frame = pd.DataFrame(
        {"arm": ["control"] * n + ["treated"] * 2 * n, "sold": 1.0, "before": [1.0, 2.0] * (n // 2) + [2.0, 3.0] * n}
    )
    frame.loc[frame.index[:100], "sold"] = np.nan
    file = tmp_path / "unfair.csv"
    frame.to_csv(file, index=False)
    _, lines, _ = said(
        capsys,
        file,
        "--arm",
        "arm",
        "--outcome",
        "sold",
        "--before",
        "before",
        "--shares",
        "control=0.5",
        "--shares",
        "treated=0.5",
    )
    assert lines[0].startswith("The sizes of the arms do not fit their planned shares (p ≤ 0.001)")
    assert lines[1].startswith("'treated' and the control differed before the start")
    assert lines[2].startswith("sold is missing more often in one arm")


@pytest.mark.parametrize(
    ("arms", "control"),
    [(["No E-Mail", "Mens"], "No E-Mail"), (["control", "t"], "control"), (["0", "1"], "0"), (["对照组", "实验组"], "对照组"),
     (["A", "B"], None), (["none", "control"], None), (["ad", "psa"], "psa"), (["Ctrl", "T1", "T2"], "Ctrl"),
     (["email control", "email"], "email control"), (["未发送", "已发送"], "未发送")],
)  # fmt: skip
def test_the_control_is_known_by_its_name(arms, control):
    assert experiment.control_of(arms) == control


def test_the_figures_stand_in_columns_that_line_up(capsys, mails):
    """Also in Chinese, whose signs are two wide."""
    for lang in ("en", "zh"):
        _, parts, _ = printed(
            capsys, mails, "--arm", "arm", "--outcome", "answered", "--outcome", "spend", "--lang", lang
        )
        table = parts[1]
        assert len(table) == 5
        ends = [tables.columns_wide(line[: line.index("300") + 3]) for line in table[1:]]
        assert len(set(ends)) == 1
    first = table[1].split()
    assert (
        first[:7] == ["answered", "call", "300", "27.0%", "300", "12.0%", "15.00个百分点"] and first[-1] == "确有作用"
    )


def test_three_arms_get_one_q_over_all_comparisons(capsys, mails, tmp_path):
    out = tmp_path / "figures.csv"
    printed(capsys, mails, "--arm", "arm", "--outcome", "answered", "--outcome", "spend", "--out", out)
    found = pd.read_csv(out)
    pd.testing.assert_series_equal(found["q"], verdict.adjusted(found["p"]), check_names=False)
    assert (found["q"] > found["p"])[found["p"] < found["p"].max()].all()


def test_the_sample_that_would_have_been_enough(capsys, tmp_path):
    """60 of 100 against 72: to see 15 points from .60 needs 152 an arm (method 10); a mean of sd 10 and 2 points 393."""
    low = 10 / np.sqrt(40 / 39)
    spend = np.tile([-low, low], 20)
    frame = pd.DataFrame({"arm": ["control"] * 100 + ["t"] * 100, "hit": [1] * 60 + [0] * 40 + [1] * 72 + [0] * 28})
    file = tmp_path / "few.csv"
    frame.to_csv(file, index=False)
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "hit", "--target", 0.15)
    assert lines[0].endswith(
        "not enough evidence either way; about 152 per arm would have been enough to see the target."
    )
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "hit")
    assert lines[0].endswith("Verdict: cannot tell; not enough evidence either way.")
    pd.DataFrame({"arm": np.repeat(["control", "t"], 40), "spend": np.tile(spend, 2)}).to_csv(file, index=False)
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "spend", "--target", 2)
    assert lines[0].endswith("too few cases to judge by; about 393 per arm would have been enough to see the target.")


def test_what_was_known_before_is_named_beside_means_as_measured(capsys, tmp_path):
    """The treated spent 3 more before and 8 more now, with a pooled slope of 1.0044: 8 - 3 x 1.0044 = 4.99 are left."""
    before = np.r_[np.arange(100) + 3.0, np.arange(100)]
    frame = pd.DataFrame({"arm": ["t"] * 100 + ["control"] * 100, "before": before})
    frame["spend"] = before + np.r_[np.full(100, 5.0), np.zeros(100)] + np.tile([1.0, -1.0, -1.0, 1.0], 50)
    file = tmp_path / "before.csv"
    frame.to_csv(file, index=False)
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "spend", "--before", "before")
    assert lines[0].startswith("spend: 57.5 in 't', 49.5 in 'control' (100 and 100 customers): a difference of 4.99 (")
    assert "adjusted for before, which explains 99% of the variance (means are unadjusted)" in lines[0]
    frame.loc[0, "before"] = np.nan
    frame.to_csv(file, index=False)
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "spend", "--before", "before")
    assert "a difference of 8" in lines[0] and "not adjusted for before, which is missing for some" in lines[0]


ODD = [
    (
        {"组 别": ["对照组", "新 版 本"] * 200, "y": [0, 1] * 200},
        "组 别",
        "y: 100.0% in '新 版 本', 0.00% in '对照组' (200 and 200",
    ),
    (
        {"a": [False, True] * 200, "y": [-3, -1, -1, -3] * 100},
        "a",
        "y: −2 in 'True', −2 in 'False' (200 and 200 customers)",
    ),
    (
        {"a": [0, 1] * 200, "y": [1.0] * 400},
        "a",
        "y: 100.0% in '1', 100.0% in '0' (200 and 200 customers): a difference of 0.00",
    ),
    (
        {"a": [0, 1] * 200, "y": [7.5] * 400},
        "a",
        "y: 7.50 in '1', 7.50 in '0' (200 and 200 customers): a difference of 0 ",
    ),
    ({"a": [0, 1] * 200, "y": [np.nan] * 400}, "a", "y: '1' and '0' have 0 and 0 cases; two in each arm are the least"),
    ({"a": [0, 1] * 200, "y": [1, 5] * 200}, "a", "y: 5 in '1', 1 in '0' (200 and 200 customers): a difference of 4 "),
]


@pytest.mark.parametrize(("columns", "arm", "sentence"), ODD)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_odd_columns(capsys, tmp_path, columns, arm, sentence, kind):
    file = tmp_path / f"odd.{kind}"
    frame = pd.DataFrame(columns)
    frame.to_csv(file, index=False) if kind == "csv" else frame.to_parquet(file)
    code, lines, error = said(capsys, file, "--arm", arm, "--outcome", "y")
    assert (code, error) == (0, "") and lines[0].startswith(sentence)


def test_an_empty_arm_is_asked_for_and_rows_of_a_customer_may_be_one_case(capsys, tmp_path):
    file = tmp_path / "rows.csv"
    frame = pd.DataFrame(
        {"who": np.repeat(np.arange(200), 2), "arm": np.repeat(["control", "t"] * 100, 2), "y": [0, 4] * 200}
    )
    frame.to_csv(file, index=False)
    code, _, error = said(capsys, file, "--arm", "arm", "--outcome", "y", "--id", "who")
    assert code == cli.WRONG_INPUT and error.endswith("make the customer the unit with --cluster who")
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "y", "--cluster", "who")
    assert "(100 and 100 clusters)" in lines[0]
    frame.loc[3, "arm"] = ""
    frame.to_csv(file, index=False)
    assert "arm is empty in 1 rows; each row needs its arm" in said(capsys, file, "--arm", "arm", "--outcome", "y")[2]


def test_names_may_be_written_in_any_case_and_several_in_one_word(capsys, mails):
    _, exact, _ = printed(capsys, mails, "--arm", "arm", "--outcome", "answered", "--outcome", "spend", "--control", "none",
                          "--target", 0.1, "--target", 2)  # fmt: skip
    _, loose, _ = printed(capsys, mails, "--arm", "Arm", "--outcome", "ANSWERED, spend", "--control", "None",
                          "--target", "spend=2,answered=0.1")  # fmt: skip
    assert loose == exact
    assert exact[0] == ["mails.csv: 900 rows; 'call' 300, 'letter' 300, 'none' 300. Control: 'none'."]
    assert exact[3] == ["Everybody counts in the arm assigned; rates by Newcombe's interval and means by Welch's interval; p from "
                        "permutations; q is p adjusted for 4 comparisons (Benjamini and Hochberg)."]  # fmt: skip


def test_a_target_of_one_outcome_leaves_the_others_without(capsys, mails):
    _, lines, _ = said(capsys, mails, "--arm", "arm", "--outcome", "answered,spend", "--target", "spend=2")
    assert ["no target was set" in line for line in lines[:2]] == [True, True]
    assert all("per arm would have been enough" in line for line in lines[2:])


def test_the_control_that_was_guessed_is_said(capsys, mails):
    for lang, told in (("en", "Control: 'none', by its name; --control says another."),
                       ("zh", "对照组：“none”（按名称判断，可用 --control 另行指定）。")):  # fmt: skip
        _, parts, _ = printed(capsys, mails, "--arm", "arm", "--outcome", "spend", "--lang", lang)
        assert parts[0][0].endswith(told)


def test_figures_as_json(capsys, mails, tmp_path):
    out = tmp_path / "figures.json"
    code = cli.main(
        ["effect", str(mails), "--arm", "arm", "--outcome", "answered", "--target", "0.1", "--json", "--out", str(out)]
    )
    shown = capsys.readouterr().out
    found = json.loads(shown)
    assert code == 0 and out.read_text(encoding="utf-8") == shown
    assert [(row["arm"], row["control_arm"], row["n_treated"], row["verdict"], row["target"]) for row in found] == [
        ("call", "none", 300, "effective", 0.1), ("letter", "none", 300, "partly_effective", 0.1)]  # fmt: skip
    assert found[0]["effect"] == pytest.approx(0.15)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_chinese_headings_in_every_encoding(capsys, tmp_path, encoding):
    file = tmp_path / "活动.csv"
    rows = "".join(f"{n},{'优惠券组' if n % 2 else '对照组'},{n % 7}\r\n" for n in range(400))
    file.write_bytes(f"客户编号,分组,消费金额\r\n{rows}".encode(encoding))
    code, lines, error = said(capsys, file, "--arm", "分组", "--outcome", "消费金额", "--lang", "zh")
    assert (code, error) == (0, "") and lines[0].startswith("消费金额：“优惠券组”组")
    assert "“对照组”组" in lines[0] and "分别200和200名客户" in lines[0]


def test_accents_and_a_wrong_byte_elsewhere_stop_nothing(capsys, tmp_path):
    file = tmp_path / "été.csv"
    rows = "".join(f"{'témoin' if n % 2 else 'contrôle'},{n % 3},ok\n" for n in range(300))
    file.write_bytes(f"groupe,dépense,note\n{rows}".encode("latin-1"))
    code, lines, _ = said(capsys, file, "--arm", "groupe", "--outcome", "dépense", "--control", "contrôle")
    assert code == 0 and "in 'témoin'" in lines[0]
    file.write_bytes(f"groupe,dépense,note\n{rows}".encode().replace(b"ok", b"o\xff", 1))
    assert said(capsys, file, "--arm", "groupe", "--outcome", "dépense", "--control", "contrôle")[1] == lines


def test_an_arm_may_be_called_none_and_a_heading_have_spaces(capsys, tmp_path):
    file = tmp_path / "none.csv"
    file.write_text(" arm , spend \n" + "None,NA\nNA,.\n" + "None,1\nNA,3\n" * 100, encoding="utf-8")
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "spend")
    assert lines[0].startswith("spend: 3 in 'NA', 1 in 'None' (100 and 100 customers)")
    assert lines[0].endswith("2 without an outcome were left out.")


@pytest.mark.parametrize(
    ("cells", "mean"),
    [(("1,234.5", "765.5"), "1,000"), (("12,5", "7,5"), "10"), (("1.234,5", "765,5"), "1,000"), (("$10", "£30"), "20"),
     (("1,234", "2,766"), "2,000")],
)  # fmt: skip
def test_decimals_and_thousands(capsys, tmp_path, cells, mean):
    """A comma stands before three digits, or before decimals; 12,5 is not 125."""
    file = tmp_path / "money.csv"
    rows = "".join(f"{arm};{cell}\n" for arm in ("control", "t") for cell in cells * 60)
    file.write_text("arm;spend\n" + rows, encoding="utf-8")
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "spend")
    assert lines[0].startswith(f"spend: {mean} in 't', {mean} in 'control'")


def test_commas_that_mean_both_are_asked_about(capsys, tmp_path):
    file = tmp_path / "money.csv"
    file.write_text("arm;spend\n" + "control;1,234.5\nt;12,5\n" * 60, encoding="utf-8")
    assert "spend has '12,5': its commas stand before thousands in some cells" in said(
        capsys, file, "--arm", "arm", "--outcome", "spend")[2]  # fmt: skip
    file.write_text("arm;spend\n" + "control;sold\nt;lost\n" * 60, encoding="utf-8")
    assert said(capsys, file, "--arm", "arm", "--outcome", "spend")[2] == (
        "money.csv: spend is 'lost' or 'sold'; write 1 for what is counted and 0 for the other")  # fmt: skip


def test_who_has_nobody_to_be_compared_with_is_counted(capsys, tmp_path):
    """Stratum c has treated only: its 7 are left out, and that is said."""
    file = tmp_path / "strata.csv"
    frame = pd.DataFrame({"arm": ["control", "t"] * 200 + ["t"] * 7, "tier": ["a", "a", "b", "b"] * 100 + ["c"] * 7,
                          "spend": [1.0, 2.0, 4.0, 3.0] * 100 + [9.0] * 7})  # fmt: skip
    frame.to_csv(file, index=False)
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "spend", "--stratum", "tier")
    assert "(200 and 200 customers)" in lines[-1]
    assert lines[-1].endswith("7 are in strata that lack two cases in one of the arms, and were left out.")


@pytest.mark.parametrize(("treated", "is_said"), [(9_500, True), (9_900, False), (5_000, False)])
def test_arms_that_are_nearly_equal_but_not_by_chance_are_named(capsys, tmp_path, treated, is_said):
    """10,000 against 9,500: chi-square 12.8, p .0003. Against 9,900: .50, p .48. Against 5,000 no equal arms were meant."""
    file = tmp_path / "lost.parquet"
    arms = ["control"] * 10_000 + ["t"] * treated
    pd.DataFrame({"arm": arms, "hit": [n % 2 for n in range(len(arms))]}).to_parquet(file)
    _, lines, _ = said(capsys, file, "--arm", "arm", "--outcome", "hit")
    assert lines[0].startswith("The arms look as if they were to be equally large, and are not (p ≤ 0.001)") == is_said


def test_another_kind_of_file_is_named(capsys, tmp_path):
    file = tmp_path / "mails.csv"
    file.write_bytes(b"\x1f\x8b\x08\x00 rest")
    assert (
        said(capsys, file, "--arm", "a", "--outcome", "b")[2] == "mails.csv is no CSV but compressed; unpack it first"
    )
