"""`crm effect`: an experiment as a plain table, from the file to the sentence."""

import numpy as np
import pandas as pd
import pytest

from crmlib import cli
from crmlib.review import experiment


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
    code = cli.main(["effect", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.strip()


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
        (("--arm", "arm", "--outcome", "arm"), "mails.csv row 2: arm is 'none', which is no number; correct it (900 such"),
        (("--arm", "arm", "--outcome", "spend", "--shares", "none"), "--shares 'none': write it as ARM=0.5"),
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
     (["A", "B"], None), (["none", "control"], None)],
)  # fmt: skip
def test_the_control_is_known_by_its_name(arms, control):
    assert experiment.control_of(arms) == control
