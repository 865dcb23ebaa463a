"""The pages people look at, in a real browser. `LAKEMINT_IMAGES=<folder>` keeps the README's pictures."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.conftest import Road

SECONDS = 1000.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1400, "height": 800})
    page.set_default_timeout(60 * SECONDS)
    yield page
    page.close()


def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("LAKEMINT_IMAGES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_airflow_shows_the_road_as_assets(road: Road, page: Page) -> None:
    config = road.config
    page.set_viewport_size({"width": 2300, "height": 620})  # the road is long
    page.goto(f"{config.airflow_url}/auth/login")
    page.get_by_role("textbox").nth(0).fill(config.airflow_user)
    page.locator("input[type=password]").fill(config.airflow_password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    token = httpx.post(
        f"{config.airflow_url}/auth/token",
        json={"username": config.airflow_user, "password": config.airflow_password},
    ).json()["access_token"]
    assets = httpx.get(
        f"{config.airflow_url}/api/v2/assets",
        params={"name_pattern": "silver/reviews"},
        headers={"Authorization": f"Bearer {token}"},
    ).json()["assets"]
    page.goto(f"{config.airflow_url}/assets/{assets[0]['id']}")
    for node in ("ingest_reviews", "refine_reviews", "publish_reviews"):
        expect(page.get_by_text(node).first).to_be_visible()
    keep(page, "airflow-assets")


def test_label_studio_shows_a_snippet_to_rate(road: Road, page: Page) -> None:
    config = road.config
    project = httpx.get(
        f"{config.label_studio_url}/api/projects",
        headers={"Authorization": f"Token {config.label_studio_token}"},
    ).json()["results"][0]
    page.goto(f"{config.label_studio_url}/user/login")
    page.locator("input[name=email]").fill(config.label_studio_user)
    page.locator("input[name=password]").fill(config.label_studio_password)
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/")
    tasks = httpx.get(
        f"{config.label_studio_url}/api/tasks",
        params={"project": project["id"], "page_size": 1},
        headers={"Authorization": f"Token {config.label_studio_token}"},
    ).json()["tasks"]
    page.goto(f"{config.label_studio_url}/projects/{project['id']}/data?task={tasks[0]['id']}")
    expect(page.get_by_text(tasks[0]["data"]["text"]).first).to_be_visible()
    keep(page, "label-studio-task")
