"""A small real ETL: four years of Seattle weather become a monthly report.

Extract reads a CSV file that the package `vega_datasets` brings along, transform boils it down,
load writes a Markdown table. Each step is a function; the data goes from one to the next by return
value.
"""

import csv
import importlib.util
import tempfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from statistics import fmean

from airflow.sdk import Variable, dag, task
from airflow.sdk.exceptions import AirflowFailException


@dag(schedule="@monthly", start_date=datetime(2026, 1, 1), catchup=False, tags=["example"])
def weather_report():
    @task(retries=2)
    def extract() -> list[dict]:
        package = importlib.util.find_spec("vega_datasets")
        if package is None:
            # Trying again would not help, so this ends the task in spite of its retries.
            raise AirflowFailException("The data is missing: pip install vega_datasets")
        data = Path(package.submodule_search_locations[0], "_data", "seattle-weather.csv")
        with data.open() as file:
            return list(csv.DictReader(file))

    @task
    def transform(days: list[dict]) -> dict[str, dict]:
        by_month = defaultdict(list)
        for day in days:
            year, month, _ = day["date"].split("/")
            by_month[f"{year}-{month}"].append(day)
        return {
            month: {
                "rain_mm": round(sum(float(day["precipitation"]) for day in found), 1),
                "warmest": max(float(day["temp_max"]) for day in found),
                "mean_wind": round(fmean(float(day["wind"]) for day in found), 1),
                "rainy_days": sum(float(day["precipitation"]) > 0 for day in found),
            }
            for month, found in sorted(by_month.items())
        }

    @task
    def find_wettest(months: dict[str, dict]) -> str:
        return max(months, key=lambda month: months[month]["rain_mm"])

    @task
    def load(months: dict[str, dict], wettest: str) -> str:
        # A variable is a setting that people change without touching the DAG.
        folder = Path(Variable.get("reports_folder", default=tempfile.gettempdir()))
        report = folder / "seattle-weather.md"
        lines = [
            "# Seattle weather by month",
            "",
            f"The wettest month was {wettest}.",
            "",
            "| month | rain, mm | rainy days | warmest, °C | mean wind, m/s |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {month} | {m['rain_mm']} | {m['rainy_days']} | {m['warmest']} | {m['mean_wind']} |"
            for month, m in months.items()
        ]
        folder.mkdir(parents=True, exist_ok=True)
        report.write_text("\n".join(lines) + "\n")
        print(f"{len(months)} months written to {report}")
        return str(report)

    months = transform(extract())
    load(months, find_wettest(months))


weather_report()
