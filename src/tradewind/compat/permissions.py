"""Who may do what: the names that `access_control=` of a DAG and provider packages use."""

from dataclasses import dataclass

ACTION_CAN_CREATE = "can_create"
ACTION_CAN_READ = "can_read"
ACTION_CAN_EDIT = "can_edit"
ACTION_CAN_DELETE = "can_delete"
ACTION_CAN_ACCESS_MENU = "menu_access"

RESOURCE_DAG = "DAGs"
RESOURCE_DAG_PREFIX = "DAG:"
RESOURCE_DAG_RUN = "DAG Runs"
RESOURCE_DAG_RUN_PREFIX = "DAG Run:"


@dataclass
class AssetDetails:
    """Which asset somebody wants to see."""

    id: str | None = None


@dataclass
class AssetAliasDetails:
    """Which asset alias somebody wants to see."""

    id: str | None = None
