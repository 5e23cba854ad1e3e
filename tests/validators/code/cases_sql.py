"""Examples of the checks of SQL."""

from __future__ import annotations

from handrail.validators import Context
from tests.validators.cases import Cases
from tests.validators.code.fill import counted, fill
from tests.validators.code.sql_bypasses import TABLES, TENANT

_ACME = Context(tenant="acme")
_WORST = (
    fill("a,", 1_150, before="SELECT ", after="a"),
    fill("a=1 AND ", 1_150, before="SELECT 1 WHERE ", after="b=1"),
    fill("1+", 1_150, before="SELECT ", after="1"),
    fill("[1]", 36, before="SELECT a"),
    fill("(SELECT * FROM ", 240, before="SELECT * FROM ", after="t" + ")" * 15 + " LIMIT 1"),
    fill("CASE WHEN a THEN ", 270, before="SELECT ", after="1" + " END" * 15),
    fill("f(", 32, before="SELECT ", after="1" + ")" * 12),
    counted(" JOIN t# ON t#.x = t.x AND t#.tenant_id = t.tenant_id", 2_000, before="SELECT 1 FROM t"),
    counted(",t#", 1_400, before="SELECT 1 FROM t"),
    counted("a# AS (SELECT 1),", 1_300, before="WITH ", after="z AS (SELECT 1) SELECT 1 FROM z"),
    fill("SELECT ", 4_000),
    fill("a int,", 1_100, before="CREATE TABLE t (", after="b int)"),
    fill("'x' ", 2_300, before="SELECT "),
)

CASES: dict[str, Cases | list[Cases]] = {
    "sql": [
        Cases(
            "sql()",
            needs="sqlglot",
            good=("SELECT 1", "INSERT INTO t VALUES (1);", "SELECT a -- why\nFROM t", "CREATE TABLE t (a int)"),
            bad=(
                ("SELEC 1", "sql.syntax"),
                ("SELECT * FROM", "sql.syntax"),
                ("SELECT 'a", "sql.syntax"),
                ("SELECT 1; SELECT 2", "sql.statements"),
                ("", "sql.statements"),
                ("VACUUM", "sql.unknown"),
                ("SELECT " + "(" * 20 + "1" + ")" * 20, "sql.depth"),
                ("SELECT a" + "[1]" * 20, "sql.depth"),
                ("SELECT " + "NOT " * 50 + "a", "sql.depth"),
                ("SELECT " + "a," * 600 + "a", "unchecked.size"),
                ("x" * 5_000, "unchecked.size"),
                (None, "sql.type"),
            ),
            worst=_WORST,
        ),
        Cases(
            "sql(dialect='mysql', many=true)",
            needs="sqlglot",
            good=("SELECT 1; SELECT `a` FROM t",),
            bad=(("SELECT (", "sql.syntax"),),
        ),
    ],
    "sql_read_only": [
        Cases(
            "sql_read_only()",
            needs="sqlglot",
            good=(
                "SELECT a, count(*) FROM t WHERE x > 1 AND y IN (1) GROUP BY a HAVING count(*) > 1 ORDER BY a LIMIT 5;",
                "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT * FROM c",
                "SELECT CASE WHEN a THEN 1 ELSE 2 END, sum(x) OVER (PARTITION BY y ORDER BY z) FROM t",
                "SELECT date_trunc('month', d)::date, x->>'a', now(), a[1], b ~ 'x', c ILIKE 'y' FROM t",
                "SELECT a FROM t WHERE b = :tenant AND c = $1 AND d = '/* no comment */'",
                "(SELECT 1) UNION (SELECT 2) EXCEPT SELECT 3 ORDER BY 1",
            ),
            bad=(
                ("DELETE FROM t", "sql_read_only.statement"),
                ("SELECT pg_sleep(1)", "sql_read_only.function"),
                ("SELECT 1 -- x", "sql_read_only.hidden"),
                ("SELECT 1; DROP TABLE t", "sql_read_only.statements"),
                ("CALL f()", "sql_read_only.unknown"),
                ("SELECT (", "sql_read_only.syntax"),
                ("SELECT " + "(" * 20 + "1" + ")" * 20, "sql_read_only.depth"),
                (1, "sql_read_only.type"),
            ),
            worst=_WORST,
        ),
        Cases(
            "sql_read_only(functions=['count', 'sum'], deny=['s*'])",
            needs="sqlglot",
            good=("SELECT count(*) FROM t WHERE a = 1 AND NOT b",),
            bad=(
                ("SELECT max(a) FROM t", "sql_read_only.function"),
                ("SELECT sum(a) FROM t", "sql_read_only.function"),
            ),
            worst=_WORST,
        ),
    ],
    "sql_tables": [
        Cases(
            TABLES.format(dialect="postgres"),
            needs="sqlglot",
            good=(
                "SELECT id, name FROM customers",
                "SELECT c.name, sum(o.total) AS spent FROM customers c JOIN orders o ON o.customer_id = c.id"
                " GROUP BY c.name ORDER BY spent DESC LIMIT 5",
                "WITH big AS (SELECT customer_id, total FROM orders WHERE total > 5)"
                " SELECT b.total, c.name FROM big b JOIN customers c ON c.id = b.customer_id",
                "SELECT count(*) FROM customers",
                "SELECT * FROM countries",
                "SELECT * FROM public.items i",
                "SELECT NAME FROM Customers",
                "SELECT n FROM (SELECT name AS n FROM customers) x WHERE n LIKE 'a%' ORDER BY n",
                "SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)",
                "SELECT id FROM customers UNION SELECT id FROM orders ORDER BY id",
                "SELECT v FROM unnest(ARRAY[1, 2]) AS u(v)",
                "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t",
                "SELECT x FROM (VALUES (1), (2)) AS v(x)",
                "SELECT name FROM customers JOIN orders USING (id)",
                "SELECT (SELECT name) FROM customers",
                "SELECT x.name FROM customers c CROSS JOIN LATERAL (SELECT name) x",
                "SELECT b.n FROM customers c, LATERAL (SELECT name AS n) a, LATERAL (SELECT n) b",
                "SELECT a",
            ),
            bad=(
                ("SELECT 1 FROM users", "sql_tables.table"),
                ("SELECT a FROM customers AS c(a, b)", "sql_tables.unclear"),
                ("SELECT name FROM customers JOIN orders USING (ssn)", "sql_tables.column"),
                ("SELECT ssn FROM customers", "sql_tables.column"),
                ("SELECT * FROM customers", "sql_tables.star"),
                ("SELECT 1 FROM f()", "sql_tables.function"),
                ("SELECT name FROM customers NATURAL JOIN orders", "sql_tables.unclear"),
                ("SELECT 1 FROM (orders JOIN items ON true) x", "sql_tables.unclear"),
            ),
            worst=_WORST,
        ),
    ],
    "sql_tenant": [
        Cases(
            TENANT.format(dialect="postgres"),
            needs="sqlglot",
            good=(
                "SELECT 1",
                "SELECT 1 FROM countries",
                "SELECT 1 FROM orders WHERE tenant_id = 'acme'",
                "SELECT 1 FROM orders WHERE (('acme' = TENANT_ID))",
                *(
                    f"SELECT 1 FROM orders WHERE tenant_id = 'acme'::{kind}"
                    for kind in ("uuid", "text", "varchar", "char", "int", "bigint")
                ),
                "SELECT 1 FROM orders WHERE tenant_id IN ('acme'::text)",
                "SELECT x FROM (VALUES (1), (2)) AS v(x)",
                "SELECT v FROM unnest(ARRAY[1, 2]) AS u(v)",
                "SELECT 1 FROM orders o JOIN countries c ON o.tenant_id = 'acme'",
                "SELECT 1 FROM orders o RIGHT JOIN countries c ON o.tenant_id = 'acme'",
                "SELECT 1 FROM countries c LEFT JOIN"
                " (orders o JOIN items i ON o.tenant_id = 'acme' AND i.tenant_id = 'acme') ON true",
                "SELECT 1 FROM orders o JOIN items i ON i.tenant_id = o.tenant_id WHERE o.tenant_id = 'acme'",
                "SELECT 1 FROM orders o LEFT JOIN items i ON i.id = o.id AND i.tenant_id = 'acme'"
                " WHERE o.tenant_id = 'acme' AND (o.a = 1 OR o.b = 2)",
                "WITH x AS (SELECT * FROM orders WHERE tenant_id = 'acme') SELECT * FROM x",
                "SELECT 1 FROM orders o WHERE o.tenant_id = 'acme'"
                " AND EXISTS (SELECT 1 FROM items i WHERE i.tenant_id = o.tenant_id)",
                "SELECT 1 FROM countries c, orders o WHERE c.tenant_id = 'acme' AND o.tenant_id = c.tenant_id",
            ),
            bad=(
                ("SELECT 1 FROM orders", "sql_tenant.missing"),
                ("SELECT 1 FROM orders WHERE tenant_id = 'acme'::date", "sql_tenant.missing"),
                ("SELECT 1 FROM f()", "sql_tenant.function"),
                ("SELECT 1 FROM (orders JOIN items ON true) x", "sql_tenant.unclear"),
            ),
            worst=_WORST,
            context=_ACME,
        ),
        Cases(
            "sql_tenant()",
            needs="sqlglot",
            bad=(("SELECT 1 FROM orders WHERE tenant_id = ''", "sql_tenant.context"),),
            worst=_WORST,
        ),
        Cases(
            "sql_tenant(column='org', value_from='parameter', value='tenant')",
            needs="sqlglot",
            good=("SELECT 1 FROM orders WHERE org = :tenant", "SELECT 1 FROM orders o WHERE %(tenant)s = o.org"),
            bad=(
                ("SELECT 1 FROM orders WHERE org = :other", "sql_tenant.missing"),
                ("SELECT 1 FROM orders WHERE org = 'tenant'", "sql_tenant.missing"),
            ),
        ),
    ],
    "sql_bounded": [
        Cases(
            "sql_bounded()",
            needs="sqlglot",
            good=(
                "SELECT 1 FROM a",
                "SELECT 1 FROM a JOIN b ON a.x = b.x",
                "SELECT 1 FROM a, b WHERE a.x = b.x",
                "SELECT 1 FROM a JOIN b USING (x)",
                "SELECT 1 FROM a, b LIMIT 10",
                "SELECT 1 FROM a LEFT JOIN b ON a.x = b.x AND b.y > 1 JOIN c ON c.z = b.z",
                "SELECT 1 FROM a, unnest(a.xs) u",
                "WITH m AS (SELECT max(x) AS k FROM t) SELECT 1 FROM t JOIN m ON t.x = m.k",
            ),
            bad=(
                ("SELECT 1 FROM a, b", "sql_bounded.cross"),
                ("SELECT 1 FROM (a JOIN b ON true) x", "sql_bounded.unclear"),
            ),
            worst=_WORST,
        ),
        Cases(
            "sql_bounded(always=true, max_limit=10)",
            needs="sqlglot",
            good=("SELECT 1 FROM a LIMIT 10", "SELECT 1 FROM a ORDER BY x FETCH FIRST 5 ROWS ONLY"),
            bad=(("SELECT 1 FROM a", "sql_bounded.limit"), ("SELECT 1 FROM a LIMIT 11", "sql_bounded.limit")),
        ),
    ],
}
