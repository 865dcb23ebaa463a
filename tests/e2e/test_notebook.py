"""The notebook runs from top to bottom as its reader would run it."""

import nbformat
from nbclient import NotebookClient

from tests.e2e.conftest import Road
from tests.support import CHECKOUT


def test_first_dataset(road: Road) -> None:
    notebook = nbformat.read(CHECKOUT / "notebooks" / "01_first_dataset.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(CHECKOUT)}}
    )
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 2
    assert any("accuracy on" in output.get("text", "") for output in shown)
