"""The label form: a Label Studio configuration, checked against contract and recipe without a server."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakemint.dataset.contract import Contract
from lakemint.dataset.recipe import Recipe
from lakemint.digest import sha256
from lakemint.errors import FormError, RecipeError
from lakemint.label.asking import TASK_SOURCE
from lakemint.names import LABEL, SOURCE

MAX_BYTES = 100_000
_FIELD = re.compile(r"\$([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Form:
    """A checked form: what a labeler sees, and what an answer looks like."""

    text: str
    """The configuration as Label Studio keeps it."""
    control: str
    """Name of the one control that takes the answer, a single choice."""
    shown: str
    """Name of what the control is about: its `toName`."""
    choices: tuple[str, ...]
    """The answers it offers, in order."""
    fields: tuple[str, ...]
    """The fields of a task that it shows, sorted: silver's columns, its `source` as `lakemint_source`."""

    @property
    def version(self) -> str:
        """Digest of what the form says, whatever its white space, comments and order of attributes."""
        return form_version(self.text)

    def result(self, answer: str) -> list[dict[str, Any]]:
        """An annotation's `result` that gives this answer."""
        return [
            {
                "from_name": self.control,
                "to_name": self.shown,
                "type": "choices",
                "value": {"choices": [answer]},
            }
        ]

    def answer(self, result: object) -> str | None:
        """The answer in an annotation's `result`; None for anything that this form cannot have given."""
        match result:
            case [{"from_name": self.control, "type": "choices", "value": {"choices": [str(answer)]}}]:
                return answer if answer in self.choices else None
        return None


def form_version(text: str) -> str:
    """sha256 of the form's canonical XML; raises ValueError for what is not plain XML."""
    from xml.etree.ElementTree import canonicalize

    _parse(text)
    return sha256(canonicalize(text, strip_text=True).encode())


def load_form(schemas: Path, contract: Contract, recipe: Recipe) -> Form:
    """Read and check `<schemas>/<dataset>/<label.form>`.

    Raises FormError naming file, thing and way out, a line for each problem.
    """
    where = f"schemas/{recipe.dataset}/{recipe.label.form}"
    text = _read(schemas / recipe.dataset / str(recipe.label.form), where)
    try:
        root = _parse(text)
    except ValueError as error:
        raise FormError(f"{where}: {error}") from error
    fields = sorted(
        {name for tag in root.iter() for value in tag.attrib.values() for name in _FIELD.findall(value)}
    )
    problems = [f"{where}: {problem}" for problem in _field_problems(fields, contract)]
    try:
        control, shown, choices = _control(text, where)
    except FormError as error:
        raise FormError("\n".join([str(error), *problems])) from error
    form = Form(text, control, shown, choices, tuple(fields))
    problems += [f"{where}: {problem}" for problem in _choice_problems(form, contract, recipe)]
    if problems:
        raise FormError("\n".join(problems))
    return form


def _read(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise FormError(f"{where}: over {MAX_BYTES} bytes; a form is shorter")
        return data.decode("utf-8-sig").strip()
    except FileNotFoundError as error:
        raise FormError(f"{where}: not found; recipe.yaml names it in label.form") from error
    except UnicodeDecodeError as error:
        raise FormError(f"{where}: not UTF-8; save it as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a name no file can have
        reason = getattr(error, "strerror", None) or error
        raise FormError(f"{where}: cannot be read ({reason}); name a file in label.form") from error


def _parse(text: str) -> Any:
    """The root element; raises ValueError. Refuses document types, and so entities that expand or fetch."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ValueError("holds a document type or entities; take them out, a form needs none") from error
    except ParseError as error:
        raise ValueError(f"not well-formed XML ({error}); mend it there") from error


def _control(text: str, where: str) -> tuple[str, str, tuple[str, ...]]:
    """Name, toName and choices of the form's one control."""
    from label_studio_sdk.label_interface.interface import LabelInterface

    try:
        interface: Any = LabelInterface(text)
        interface.validate()
        controls = list(interface.controls)
    except Exception as error:  # the library raises many kinds, some of them bare
        raise FormError(f"{where}: Label Studio would refuse it: {error}") from error
    names = ", ".join(f"<{control.tag} name={control.name!r}>" for control in controls)
    if len(controls) != 1:
        raise FormError(
            f"{where}: {names or 'no control'}; a form has exactly one, a <Choices> for the answer"
        )
    control = controls[0]
    if control.tag != "Choices" or control.attr.get("choice", "single") != "single" or control.dynamic_value:
        raise FormError(
            f'{where}: {names}: the answer is one of fixed choices: <Choices choice="single"> with <Choice>'
        )
    if len(control.to_name) != 1 or control.to_name[0] not in {shown.name for shown in interface.objects}:
        raise FormError(f"{where}: {names}: toName must be the name of what it is about, such as a <Text>")
    return control.name, control.to_name[0], tuple(control.labels)


def _field_problems(fields: Iterable[str], contract: Contract) -> Iterator[str]:
    silver = contract.table("silver")
    for name in fields:
        stands_for = SOURCE if name == TASK_SOURCE else name
        column = silver.column(stands_for)
        if name == SOURCE:
            yield f"${name}: Label Studio shows something else under that name; write ${TASK_SOURCE}"
        elif not silver.knows(stands_for):
            there = ", ".join(column.name for column in silver.columns)
            yield f"${name}: the contract's silver has no such column; there are {there}"
        elif column and column.type == "binary":
            yield f"${name}: holds bytes, and a task holds text or addresses; show another column"


def _choice_problems(form: Form, contract: Contract, recipe: Recipe) -> Iterator[str]:
    if not form.choices:
        yield f"<Choices name={form.control!r}>: offers nothing; add <Choice value=…>"
    allowed = contract.table("gold").allowed(LABEL)
    for choice in form.choices:
        try:
            label = recipe.label.class_of(choice)
        except RecipeError:
            yield f"<Choice value={choice!r}>: recipe.yaml's label.classes gives it no class; add it there"
            continue
        if allowed and label not in allowed:
            yield (
                f"<Choice value={choice!r}>: means {label!r}, and the contract's gold allows only "
                f"{', '.join(sorted(allowed))}"
            )
