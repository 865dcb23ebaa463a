"""Replay recorded answers of people, one by one, by annotator accounts in Label Studio."""

from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import load_recipe
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.label.accounts import open_accounts
from lakemint.label.asking import asking
from lakemint.label.form import load_form
from lakemint.label.project import need_project, project_url
from lakemint.label.recordings import read_recordings
from lakemint.label.replay import Script, replay
from lakemint.label.studio import connect
from lakemint.lake import Lake
from lakemint.store import open_store


def main(dataset: str) -> Outcome:
    """Submit every recorded answer that is missing; a second run submits nothing."""
    config = load_config()
    schemas = config.schemas_folder()
    recipe, contract = load_recipe(schemas, dataset), load_contract(schemas, dataset)
    asked = asking(recipe)
    if asked is None or asked.replay is None:
        return Outcome(f"answers/{dataset}", "0", changed=False, details={"note": "no replay in the recipe"})
    form = load_form(schemas, contract, recipe)
    recorded = read_recordings(open_store(config), Lake(config.need("lake")), asked)
    with connect(config) as studio:
        project = need_project(studio, config, dataset)
        accounts = open_accounts(studio, config, dataset, range(1, asked.per_sample + 1))
        done = replay(studio, project, Script(recorded, asked.replay.key, form), accounts)
        counts = {"tasks": done.tasks, "answers": done.recorded, "submitted": done.submitted}
        details = {"project": project_url(studio, project), "mended": done.mended}
    return Outcome(f"answers/{dataset}", str(project.id), done.submitted > 0, counts, details)


if __name__ == "__main__":
    runner.run(main)
