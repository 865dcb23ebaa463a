"""Forms are checked without a server, and each error names file, thing and way out."""

from pathlib import Path

import pytest

from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.errors import FormError
from lakemint.label.form import Form, form_version, load_form
from tests.support import CHECKOUT

GOOD = (CHECKOUT / "schemas" / "reviews" / "label.xml").read_text()
TEXT = '<Text name="text" value="$text"/>'
CHOICES = '<Choices name="rating" toName="text">{}</Choices>'
NINE = CHOICES.format("".join(f'<Choice value="{rating}"/>' for rating in range(-4, 5)))
SELF = NINE.replace('toName="text"', 'toName="rating"')
MANY = NINE.replace("<Choices", '<Choices choice="multiple"')


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    folder = tmp_path / "reviews"
    folder.mkdir()
    for name in ("contract.yaml", "recipe.yaml"):
        (folder / name).write_text((CHECKOUT / "schemas" / "reviews" / name).read_text())
    return tmp_path


def load(schemas: Path, text: str) -> Form:
    (schemas / "reviews" / "label.xml").write_text(text)
    return load_form(schemas, load_contract(schemas, "reviews"), load_recipe(schemas, "reviews"))


def test_the_form_of_reviews(schemas: Path) -> None:
    form = load(schemas, GOOD)
    assert form.choices == ("-4", "-3", "-2", "-1", "0", "1", "2", "3", "4")
    assert (form.control, form.shown, form.fields) == ("rating", "text", ("lakemint_source", "text"))
    assert form.answer(form.result("-3")) == "-3"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<View>", "not well-formed XML"),
        (f"<View>{TEXT}</View>", "no control; a form has exactly one, a <Choices>"),
        (f"<View>{TEXT}{NINE}{NINE.replace('rating', 'again')}</View>", "a form has exactly one"),
        (f'<View>{TEXT}<TextArea name="why" toName="text"/></View>', "the answer is one of fixed choices"),
        (f"<View>{TEXT}{MANY}</View>", "fixed choices"),
        (f"<View>{NINE}</View>", "Label Studio would refuse it: toName"),
        (f"<View>{TEXT}{SELF}</View>", "toName must be the name of what it is about"),
        (f"<View>{TEXT.replace('$text', '$source')}{NINE}</View>", "write $lakemint_source"),
        (
            f"<View>{TEXT.replace('$text', '$body')}{NINE}</View>",
            "$body: the contract's silver has no such column",
        ),
        (f"<View>{TEXT}{NINE.replace('4', '5')}</View>", "label.classes gives it no class; add it there"),
        (
            f'<!DOCTYPE a [<!ENTITY b "c">]><View>{TEXT}{NINE}</View>',
            "document type or entities; take them out",
        ),
        ("<View>" + " " * 100_000 + "</View>", "over 100000 bytes"),
    ],
)
def test_what_does_not_fit_is_named(schemas: Path, text: str, complaint: str) -> None:
    with pytest.raises(FormError) as raised:
        load(schemas, text)
    assert complaint in str(raised.value)
    assert str(raised.value).startswith("schemas/reviews/label.xml: ")


def test_a_class_the_contract_does_not_allow(schemas: Path) -> None:
    recipe = schemas / "reviews" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("neutral:", "mixed:"))
    with pytest.raises(FormError, match="means 'mixed', and the contract's gold allows only"):
        load(schemas, GOOD)


def test_a_missing_form(schemas: Path) -> None:
    with pytest.raises(FormError, match=r"label\.xml: not found; recipe\.yaml names it"):
        load_form(schemas, load_contract(schemas, "reviews"), load_recipe(schemas, "reviews"))


def test_the_version_is_of_what_the_form_says() -> None:
    assert form_version("<View>\n <Text value='$t' name='t'/><!-- note --> </View>") == form_version(
        '<View><Text name="t" value="$t"></Text></View>'
    )
    assert form_version('<View><Text name="t" value="$t"/></View>') != form_version("<View/>")


@pytest.mark.parametrize("result", [None, {}, "-1", [1], [{}], [{"value": {"choices": ["0"]}}], [[]] * 2])
def test_an_answer_is_only_what_the_form_gives(schemas: Path, result: object) -> None:
    form = load(schemas, GOOD)
    assert form.answer(result) is None
    assert form.answer([*form.result("0"), *form.result("1")]) is None
    assert form.answer(form.result("7")) is None
