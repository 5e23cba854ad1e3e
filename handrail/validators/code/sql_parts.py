"""Which parts of SQL only read, as kinds of sqlglot's nodes, and the functions that do more than compute a value."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any

from handrail.config.regex import Regex, compiled
from handrail.errors import ConfigError
from handrail.validators.code.python_names import words

EFFECTS = words(
    "pg_sleep* pg_read_* pg_ls_* pg_stat_file pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile"
    " pg_switch_* pg_create_* pg_drop_* pg_advisory_* pg_try_advisory_* pg_notify pg_logical_* pg_replication_*"
    " pg_import_* pg_export_snapshot pg_promote pg_wal_* pg_backup_* pg_start_* pg_stop_* pg_file_* pg_stat_reset*"
    " pg_log_* pg_prewarm pg_stat_get_* lo_* loread lowrite dblink* nextval next_value_for setval lastval set_config"
    " txid_current pg_current_xact_id query_to_* table_to_* schema_to_* database_to_* cursor_to_* ts_stat ts_rewrite"
    " crosstab* connectby load_file sleep benchmark get_lock release_lock release_all_locks is_free_lock is_used_lock"
    " master_pos_wait source_pos_wait wait_for_executed_gtid_set sys_exec sys_eval sys_get sys_set load_extension"
    " readfile writefile edit fts3_tokenizer sqlite_rename* xp_* sp_* openrowset opendatasource openquery openxml"
    " utl_* dbms_* httpuritype read_csv* read_parquet read_json* read_ndjson* read_text read_blob read_xlsx parquet_*"
    " sniff_csv getenv query query_table sqlite_scan* sqlite_attach postgres_scan* postgres_query postgres_attach"
    " mysql_scan* mysql_query iceberg_* delta_scan st_read* duckdb_secrets which_secret system system$* file url s3"
    " s3cluster hdfs remote remotesecure mysql postgresql mongodb odbc jdbc executable dictget* cluster"
    " clusterallreplicas input merge external_query reflect java_method ai_query http_*"
)
"""Functions known to change something, wait, take locks, read files or other tables, reach hosts, or run SQL."""

_READING = words(
    "Select SetOperation Subquery Table From Join Where Group Having Order Ordered Limit Offset Fetch LimitOptions With"
    " CTE TableAlias Alias Aliases Identifier Star Distinct Window WindowSpec Lateral Unnest Values Tuple DataType"
    " DataTypeParam Interval IntervalSpan Var Placeholder Parameter Cube Rollup GroupingSets Qualify Filter"
    " WithinGroup Condition Paren IgnoreNulls RespectNulls Collate Slice JSONPath JSONPathPart AtTimeZone TableSample"
)
_CHANGING = words(
    "PropertyEQ Command Into Lock Hint WithTableHint DML DDL Copy Set SetItem Use Pragma Transaction Commit Rollback"
    " Kill Attach Detach NextValueFor Columns Introducer SessionParameter Pivot"
)


@cache
def exp() -> Any:
    """sqlglot's kinds of node."""
    return import_module("sqlglot").exp


@cache
def _kinds(names: frozenset[str]) -> tuple[type, ...]:
    return tuple(getattr(exp(), name) for name in sorted(names) if hasattr(exp(), name))


@cache
def reads(kind: Any) -> bool:
    """Whether a kind of node is a part of a plain query. Newer kinds that are not known here are not."""
    return issubclass(kind, _kinds(_READING)) and not issubclass(kind, _kinds(_CHANGING))


@cache
def effects() -> Regex:
    """The names in EFFECTS."""
    return compiled("|".join(map(star, sorted(EFFECTS))))


def star(name: object) -> str:
    """A name in which ``*`` stands for any characters, as a pattern. Raises ConfigError for what is no name."""
    if not isinstance(name, str) or not re.fullmatch(r"[\w*.$]{1,100}", name):
        raise ConfigError(f"sql_read_only: {name!r:.100} is no function's name.")
    return re.escape(name.lower()).replace(r"\*", ".*")


def function_name(node: Any) -> str:
    """The name of a function as it is written, in small letters."""
    if isinstance(node, (exp().Anonymous, exp().AnonymousAggFunc)):
        return str(node.name).lower()
    return str(node.meta.get("name") or node.sql_name()).lower()


STATEMENTS = words("delete drop insert update exec execute truncate alter create merge grant revoke")
"""Words that begin another statement: where one stands for a name without quotes, two statements may be meant."""
BATCHES = words(
    "shutdown kill backup restore waitfor use declare set dbcc reconfigure begin commit rollback print raiserror throw"
    " deny if while bulk go"
)
"""The same in Transact-SQL, where nothing need stand between two statements."""


def qualified_name(node: Any) -> str:
    """The name of a function with what stands before its dots, such as ``utl_http.request``."""
    parts, inner = [function_name(node)], node
    while isinstance(inner.parent, exp().Dot) and inner.parent.expression is inner:
        inner = inner.parent
        parts.append(str(inner.this.sql()).lower())
    return ".".join(reversed(parts))


_UNCALLED = words("And Or Xor Not Cast TryCast Case If Exists Array Extract Interval Neg Paren Anonymous")


def is_called(node: Any) -> bool:
    """Whether a node that sqlglot has as a function is written as a call of one, unlike CAST and CASE."""
    return isinstance(node, exp().Anonymous) or type(node).__name__ not in _UNCALLED
