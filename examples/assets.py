"""DAGs that start when their data is there, instead of at a time.

One DAG says that a task updates an asset (`outlets`), the other has the asset as its schedule. They
need not know each other, and may be in different files.
"""

from airflow.sdk import DAG, Asset, Metadata, task

# The URI is a name for the data. Nothing reads or writes there.
ORDERS = Asset("orders", uri="file:///warehouse/orders")
PRICES = Asset("prices", uri="file:///warehouse/prices")

with DAG("asset_producer", schedule="@hourly", tags=["example"]):

    @task(outlets=[ORDERS])
    def update_orders():
        # What the event should carry along for those who react to it.
        yield Metadata(ORDERS, {"rows": 42})

    @task(outlets=[PRICES])
    def update_prices() -> None:
        print("prices updated")

    update_orders()
    update_prices()

# A list waits for all of them; `ORDERS | PRICES` would start with either.
with DAG("asset_consumer", schedule=[ORDERS, PRICES], tags=["example"]):

    @task
    def revenue(triggering_asset_events=None) -> int:
        events = triggering_asset_events[ORDERS]
        rows = sum(event.extra["rows"] for event in events)
        print(f"{len(events)} updates of orders with {rows} rows")
        return rows

    revenue()
