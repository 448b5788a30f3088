"""What people write for a provider, and the distribution that it means."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from tradewind.compat.table_missing import PREFIX
from tradewind.core.errors import NotFound, UserError

# Apache Airflow's own, as `providers install` takes them. Others go by their full names.
_KNOWN = """
airbyte akeyless alibaba amazon anthropic apache-beam apache-cassandra apache-drill apache-druid
apache-flink apache-hdfs apache-hive apache-iceberg apache-impala apache-kafka apache-kylin
apache-livy apache-pig apache-pinot apache-spark apache-tinkerpop apprise arangodb asana
atlassian-jira celery clickhousedb cloudant cncf-kubernetes cohere common-ai common-compat
common-io common-messaging common-sql databricks datadog dbt-cloud dingding discord docker edge3
elasticsearch exasol fab facebook ftp git github google grpc hashicorp http ibm-mq imap influxdb
informatica jdbc jenkins keycloak microsoft-azure microsoft-fabric microsoft-mssql
microsoft-psrp microsoft-winrm modal mongo mysql neo4j odbc openai openfaas openlineage
opensearch opsgenie oracle pagerduty papermill pgvector pinecone plexus postgres presto qdrant
redis salesforce samba segment sendgrid sftp singularity slack smtp snowflake sqlite ssh tableau
tabular telegram teradata trino vertica vespa weaviate yandex ydb zendesk
"""
KNOWN = frozenset(_KNOWN.split())

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<rest>\s*(?:[\[=<>!~@;].*)?)")


@dataclass(frozen=True)
class Wanted:
    """A provider that somebody named: its distribution, and the version or extras wanted of it."""

    distribution: str
    rest: str = ""

    @property
    def requirement(self) -> str:
        """As pip takes it."""
        return self.distribution + self.rest

    @classmethod
    def parse(cls, text: str) -> "Wanted":
        """From `http`, `postgres==6.5`, `common.sql[pandas]>=1.20` or a name in full.

        Raises UserError, with names that are close, when there is no such provider.
        """
        match = _REQUIREMENT.fullmatch(text.strip())
        if match is None:
            raise UserError(
                f"{text!r} is not a provider's name.",
                hint="Write http, common.sql, postgres==6.5 or 'amazon[s3fs]>=9'.",
            )
        full = re.sub(r"[-_.]+", "-", match["name"]).lower()
        short = full.removeprefix(PREFIX)
        if short == "standard":
            raise UserError(
                "The standard provider is part of Tradewind.",
                hint="Nothing has to be installed for airflow.providers.standard.",
            )
        if short not in KNOWN and short == full:
            raise _unknown(text, short)
        return cls(PREFIX + short, match["rest"].strip())


def _unknown(text: str, short: str) -> NotFound:
    close = get_close_matches(short, KNOWN, cutoff=0.7)
    return NotFound(
        f"There is no provider {text!r}."
        + (f" Did you mean {' or '.join(close)}?" if close else ""),
        hint=f"A short name means {PREFIX}NAME; write that in full for a provider that is newer "
        "than this Tradewind. A package that is not Apache Airflow's goes behind `--`.",
    )
