"""An alias resolves at run time; DAGs on the alias and on the asset it resolved to both run;
nothing added emits nothing.
"""

from airflow.sdk import DAG, Asset, AssetAlias, Metadata, task

made = Asset("diff_alias_made", uri="diff://alias/made")
alias = AssetAlias("diff_alias")

with DAG("asset_alias", schedule=None, catchup=False):

    @task(outlets=[alias])
    def emits(outlet_events=None):
        outlet_events[alias].add(made, extra={"rows": 3})

    @task(outlets=[AssetAlias("diff_alias_empty")])
    def emits_nothing():
        return 1

    @task(outlets=[AssetAlias("diff_alias_by_metadata")])
    def by_metadata():
        yield Metadata(
            Asset("diff_alias_meta", uri="diff://alias/meta"),
            extra={"k": "v"},
            alias=AssetAlias("diff_alias_by_metadata"),
        )

    emits() >> emits_nothing() >> by_metadata()

for name, schedule in [
    ("on_alias", [alias]),
    ("on_made", [made]),
    ("on_empty", [AssetAlias("diff_alias_empty")]),
    ("on_metadata", [Asset("diff_alias_meta", uri="diff://alias/meta")]),
]:
    with DAG(f"asset_alias_{name}", schedule=schedule, catchup=False):

        @task
        def show(triggering_asset_events=None, logical_date=None):
            return sorted(
                [getattr(key, "name", str(key)), [event.extra for event in events]]
                for key, events in triggering_asset_events.items()
            )

        show()
