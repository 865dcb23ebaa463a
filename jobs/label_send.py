"""Send a stratified sample of silver to people: tasks in Label Studio, each sample once."""

from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.label.asking import asking, task_fields
from lakemint.label.form import load_form
from lakemint.label.project import ensure_project, project_url
from lakemint.label.quotas import check_strata, quotas
from lakemint.label.send import read_sent, send
from lakemint.label.studio import connect
from lakemint.label.tables import need_silver
from lakemint.label.transforms import choose, ids, strata
from lakemint.spark import spark_session


def main(dataset: str) -> Outcome:
    """Send what the recipe wants and is not there yet; a second run sends nothing."""
    config = load_config()
    schemas = config.schemas_folder()
    recipe, contract = load_recipe(schemas, dataset), load_contract(schemas, dataset)
    asked = asking(recipe)
    if asked is None:
        note = {"note": "labels are known: nobody is asked"}
        return Outcome(f"tasks/{dataset}", "0", changed=False, details=note)
    form = load_form(schemas, contract, recipe)
    with connect(config) as studio, spark_session(config) as spark:
        silver, at = need_silver(spark, config, dataset)
        project = ensure_project(studio, config, asked, form)
        before = read_sent(studio, project)
        sent, column, size = ids(spark, before.samples), asked.sample.strata, asked.sample.size
        rows = strata(silver, sent, column).limit(size + 1).collect()
        wanted = quotas(check_strata({name: (there, known) for name, there, known in rows}, asked), size)
        chosen = choose(silver, sent, column, wanted, task_fields(asked, form.fields))
        samples = (row.asDict() for row in chosen.toLocalIterator())
        new = send(studio, project, samples, sum(wanted.values()))
        counts = {"sent": new, "tasks": len(before.samples) + new, "duplicates": before.duplicates}
        details = {"project": project_url(studio, project), "form": form.version}
        return Outcome(f"tasks/{dataset}", str(at.version), changed=new > 0, counts=counts, details=details)


if __name__ == "__main__":
    runner.run(main)
