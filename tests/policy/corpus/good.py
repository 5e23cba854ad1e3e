"""Good policies, as teams write them: nothing is said of them, not even a warning."""

# ruff: noqa: E501 - rules read best as they stand in a file

from __future__ import annotations

from typing import Any

from tests.policy.corpus.casbin import EFFECT, EVAL, FLAT, KEYS, KEYS2, REGEX
from tests.policy.corpus.cases import CASBIN, HEAD, MODEL, Good
from tests.policy.corpus.tools import FLAG, NUMBER, TEXT, some, tool


def good(text: str, *names: str, head: str = HEAD, **tools: dict[str, Any] | None) -> Good:
    """A handrail.toml and the tools of the corpus, or others, that it governs."""
    return Good({"handrail.toml": head + text}, {**some(*names), **tools})


def rule(id: str, who: str, what: str, *more: str) -> str:
    """One ``[[rule]]``."""
    return "\n".join([f'[[rule]]\nid = "{id}"', who, what, *more]) + "\n"


def csv(policy: str, *names: str, model: str = MODEL, more: str = "") -> Good:
    """Casbin files."""
    return Good({"handrail.toml": CASBIN + more, "model.conf": model, "policy.csv": policy}, some(*names))


SUPPORT, LEAD, ALL = 'allow = "support"', 'allow = "lead"', 'deny = "*"'
READ = rule("read", SUPPORT, 'call = ["read_order", "search_orders"]')

DESK: dict[str, Good] = {
    "reading": good(READ, "read_order", "search_orders"),
    "a small refund": good(
        READ + rule("refund", SUPPORT, 'call = "refund"', 'when = "args.amount > 0 && args.amount <= 500"'),
        "read_order",
        "search_orders",
        "refund",
    ),
    "a refund in some currencies": good(
        rule("r", SUPPORT, 'call = "refund"', "when = \"args.amount <= 500 && args.currency in ['EUR', 'CHF']\""),
        "refund",
    ),
    "two limits by role": good(
        rule("s", SUPPORT, 'call = "refund"', 'when = "args.amount <= 100"')
        + rule("l", LEAD, 'call = "refund"', 'when = "args.amount <= 5000"'),
        "refund",
    ),
    "more with a reason": good(
        rule(
            "r",
            SUPPORT,
            'call = "refund"',
            'when = "args.amount <= 50 || (has(args.reason) && len(args.reason) >= 10 && args.amount <= 200)"',
        ),
        "refund",
    ),
    "not in dollars": good(
        rule("r", SUPPORT, 'call = "refund"', "when = \"args.currency != 'USD' && !(args.amount > 100)\""), "refund"
    ),
    "express by leads only": good(
        rule("r", SUPPORT, 'call = "refund"')
        + rule("e", ALL, 'call = "refund"', "when = \"has(args.express) && args.express && principal.user != 'leo'\""),
        "refund",
    ),
    "orders of this shop": good(
        rule(
            "o",
            SUPPORT,
            'call = "read_order"',
            "when = \"startswith(args.order, 'A-') || startswith(args.order, 'B-')\"",
        ),
        "read_order",
    ),
    "an order number": good(
        rule("o", SUPPORT, 'call = "read_order"', "when = \"matches(args.order, '[A-Z]-[0-9]{1,6}')\""), "read_order"
    ),
    "mail to the company": good(
        rule(
            "m", SUPPORT, 'call = "send_mail"', "when = \"endswith(args.to.0, '@acme.example') && len(args.to) == 1\""
        ),
        "send_mail",
    ),
    "mail without attachments": good(
        rule("m", SUPPORT, 'call = "send_mail"', 'when = "!has(args.attachments) || len(args.attachments) == 0"'),
        "send_mail",
    ),
    "mail with a small attachment": good(
        rule(
            "m",
            SUPPORT,
            'call = "send_mail"',
            'when = "len(args.attachments) == 1 && args.attachments.0.bytes < 1000000"',
        ),
        "send_mail",
    ),
    "no exports": good(READ + rule("x", ALL, 'call = "export_*"'), "read_order", "search_orders", "export_customers"),
    "a group": good(
        '[groups]\nreading = ["read_*", "search_*"]\n' + rule("r", SUPPORT, 'call = "reading"'),
        "read_order",
        "search_orders",
    ),
    "groups in a group": good(
        '[groups]\nreading = ["read_*"]\ndesk = ["reading", "refund"]\n' + rule("d", SUPPORT, 'call = "desk"'),
        "read_order",
        "refund",
    ),
    "an address in two countries": good(
        rule("a", SUPPORT, 'call = "update_address"', "when = \"args.address.country in ['DE', 'AT']\""),
        "update_address",
    ),
    "a postal code as a text": good(
        rule(
            "a",
            SUPPORT,
            'call = "update_address"',
            "when = \"args.address.country == 'CH' && len(args.address.zip) == 4\"",
        ),
        "update_address",
    ),
    "in office hours": good(
        rule(
            "h",
            SUPPORT,
            'call = "refund"',
            'when = "hour(env.now) >= 8 && hour(env.now) < 18 && weekday(env.now) <= 5"',
        ),
        "refund",
    ),
    "at night": good(
        rule("h", SUPPORT, 'call = "refund"', 'when = "hour(env.now) >= 22 || hour(env.now) < 6"'), "refund"
    ),
    "few steps": good(
        rule("s", SUPPORT, 'call = "refund"', 'when = "run.tool_calls < 10 && run.steps < 50"'), "refund"
    ),
}
BANK: dict[str, Good] = {
    "a wire below a limit": good(
        rule("w", 'allow = "teller"', 'call = "wire_money"', 'when = "args.amount <= 1000"'), "wire_money"
    ),
    "a limit as a denial": good(
        rule("w", 'allow = "teller"', 'call = "wire_money"')
        + rule("no", ALL, 'call = "wire_money"', 'when = "args.amount > 1000"'),
        "wire_money",
    ),
    "a wire within the country": good(
        rule(
            "w",
            'allow = "teller"',
            'call = "wire_money"',
            "when = \"startswith(args.iban, 'DE') && len(args.iban) == 22 && args.amount < 5000\"",
        ),
        "wire_money",
    ),
    "invoices of a few sums": good(
        rule("i", 'allow = "teller"', 'call = "pay_invoice"', 'when = "args.total in [50, 100, 200]"'), "pay_invoice"
    ),
    "both ways to pay": good(
        rule("w", 'allow = "teller"', 'call = "wire_money"', 'when = "args.amount <= 1000"')
        + rule(
            "p",
            'allow = "teller"',
            'call = "pay_invoice"',
            "when = \"args.total <= 1000 && (!has(args.currency) || args.currency == 'EUR')\"",
        ),
        "wire_money",
        "pay_invoice",
    ),
    "no one's own salary": good(
        '[tools.set_salary]\neffect = "irreversible"\n'
        + rule("s", LEAD, 'call = "set_salary"', 'when = "args.salary <= 90000 && args.employee != principal.user"'),
        "set_salary",
    ),
    "bounded by a validator": good(
        rule("w", 'allow = "teller"', 'call = "wire_money"')
        + '[[validate]]\nid = "v"\non = "wire_money.arguments"\nschema = {type = "object", properties = {amount = {maximum = 500}}}\n',
        "wire_money",
    ),
    "for one user": good(
        rule("t", 'allow = "user:tom"', 'call = "wire_money"', 'tenant = "bank"', 'when = "args.amount < 100"'),
        "wire_money",
    ),
    "a memo that asks for nothing": good(
        rule(
            "w",
            'allow = "teller"',
            'call = "wire_money"',
            "when = \"args.amount <= 10 && !contains(lower(args.memo), 'urgent')\"",
        ),
        "wire_money",
    ),
    "a tool with a read effect": good(
        '[tools.quote_price]\neffect = "read"\n' + rule("q", 'allow = "teller"', 'call = "quote_price"'),
        quote_price=tool("amount", amount=NUMBER),
    ),
}
OPERATIONS: dict[str, Good] = {
    "deploy but to production": good(
        rule("d", SUPPORT, 'call = "deploy"', "when = \"args.environment != 'production'\""), "deploy"
    ),
    "production dry only": good(
        rule(
            "d", SUPPORT, 'call = "deploy"', "when = \"args.environment in ['dev', 'staging'] || args.dry_run == true\""
        ),
        "deploy",
    ),
    "replicas": good(
        rule("d", LEAD, 'call = "deploy"', 'when = "args.replicas >= 2 && args.replicas <= 10"'), "deploy"
    ),
    "files of a folder": good(
        rule("f", SUPPORT, 'call = "read_file"', "when = \"within(args.path, '/srv/data')\""), "read_file"
    ),
    "files by encoding": good(
        rule("f", SUPPORT, 'call = "read_file"', "when = \"within(args.path, '/srv') && args.encoding == 'utf-8'\""),
        "read_file",
    ),
    "commands by name": good(
        rule(
            "c",
            SUPPORT,
            'call = "run_command"',
            "when = \"args.command in ['ls', 'df', 'uptime'] && args.timeout <= 60\"",
        ),
        "run_command",
    ),
    "no dangerous commands": good(
        rule("c", LEAD, 'call = "run_command"')
        + rule(
            "n",
            ALL,
            'call = "run_command"',
            "when = \"contains(args.command, 'rm ') || contains(args.command, 'sudo')\"",
        ),
        "run_command",
    ),
    "an open API": good(
        rule("a", SUPPORT, 'call = "call_api"', "when = \"args.method == 'GET' && args.tenant == tenant\""), "call_api"
    ),
    "a tool that nobody described": good(
        rule("u", LEAD, 'call = "undocumented"', "when = \"args.anything == 'x' && args.number < 5\""), "undocumented"
    ),
    "a tool without arguments": good(rule("p", 'allow = "*"', 'call = "ping"'), "ping"),
    "a nullable argument": good(
        rule("n", SUPPORT, 'call = "set_note"', 'when = "args.note == null || len(args.note) < 100"'), "set_note"
    ),
    "an argument of two types": good(
        rule("n", SUPPORT, 'call = "set_note"', "when = \"args.level == 'low' || args.level == 1\""), "set_note"
    ),
    "two tools with one argument": good(
        rule("o", SUPPORT, 'call = ["read_order", "refund"]', "when = \"startswith(args.order, 'A-')\""),
        "read_order",
        "refund",
    ),
    "an argument that is asked for first": good(
        rule("all", SUPPORT, 'call = ["read_*", "refund"]')
        + rule("no", ALL, 'call = ["read_*", "refund"]', "when = \"has(args.path) && contains(args.path, 'secret')\""),
        "read_order",
        "read_file",
        "refund",
    ),
}
AGENTS: dict[str, Good] = {
    "documents of a team": good(
        READ + rule("d", SUPPORT, 'read = "handbook"', "when = \"doc.metadata.team == 'support'\""),
        "read_order",
        "search_orders",
    ),
    "public documents": good(
        READ + rule("d", 'allow = "*"', 'read = ["handbook", "faq-*"]', 'when = "doc.metadata.public == true"'),
        "read_order",
        "search_orders",
    ),
    "memory by tenant": good(
        READ + rule("m", SUPPORT, 'read = "notes"\nwrite = "notes"', 'when = "memory.namespace == tenant"'),
        "read_order",
        "search_orders",
    ),
    "a delegation": good(
        READ + '[[delegate]]\nfrom = "support"\nto = "agent:desk"\ncall = ["read_*", "search_*"]\n',
        "read_order",
        "search_orders",
    ),
    "a delegation to a sub-agent": good(
        READ
        + '[[delegate]]\nfrom = "support"\nto = "agent:desk"\ncall = ["read_order", "search_orders"]\n[[delegate]]\nfrom = "agent:desk"\nto = "agent:finder"\ncall = "search_orders"\n',
        "read_order",
        "search_orders",
    ),
    "agents for everybody": good(
        READ + '[[delegate]]\nfrom = "*"\nto = "agent:*"\ncall = "*"\n', "read_order", "search_orders"
    ),
    "an agent's own rule": good(
        READ
        + rule("a", 'allow = "agent:desk"', 'call = ["read_order", "wire_money"]')
        + rule("w", LEAD, 'call = "wire_money"', 'when = "args.amount < 50"'),
        "read_order",
        "search_orders",
        "wire_money",
    ),
    "tenants apart": good(
        rule("a", SUPPORT, 'call = "read_order"', 'tenant = "acme"')
        + rule("b", 'allow = "teller"', 'call = "read_order"', 'tenant = "bank"'),
        "read_order",
    ),
    "a denial in one tenant": good(
        rule("a", SUPPORT, 'call = "read_order"')
        + rule("b", 'deny = "support"', 'call = "read_order"', 'tenant = "bank"'),
        "read_order",
    ),
    "a denial of a part": good(
        rule("a", LEAD, 'call = "*"') + rule("b", 'deny = "user:leo"', 'call = "deploy"'), "deploy", "read_order"
    ),
    "a denial of a narrower role": good(
        rule("a", SUPPORT, 'call = "deploy"', "when = \"args.environment == 'dev'\"")
        + rule("b", 'deny = "lead"', 'call = "deploy"'),
        "deploy",
    ),
    "a denial with a condition": good(
        rule("a", SUPPORT, 'call = "refund"')
        + rule("b", 'deny = "support"', 'call = "refund"', 'when = "args.amount > 500"'),
        "refund",
    ),
    "the web channel": good(
        rule("c", SUPPORT, 'call = "refund"', "when = \"channel == 'web' && args.amount <= 20\""), "refund"
    ),
    "within the chain": good(
        rule(
            "c", SUPPORT, 'call = "refund"', "when = \"'agent:desk' in principal.chain && len(principal.chain) <= 2\""
        ),
        "refund",
    ),
    "words and signs": good(
        rule(
            "c",
            SUPPORT,
            'call = "refund"',
            "when = \"args.amount <= 5 and not (args.currency == 'USD' or has(args.reason))\"",
        ),
        "refund",
    ),
    "a name with a line": good(
        rule("c", SUPPORT, 'call = "post"', "when = '''args[\"x-trace\"] == 'on' '''"),
        post=tool("x-trace", **{"x-trace": TEXT, "flag": FLAG}),
    ),
}
FILES: dict[str, Good] = {
    "roles by domain": csv("p, support, acme, refund, call\ng, ana, support, acme\n", "refund"),
    "roles in roles": csv("p, r8, acme, refund, call\n" + "".join(f"g, r{n}, r{n + 1}, acme\n" for n in range(8)) + "g, ana, r0, acme\n", "refund"),
    "patterns of keys": csv("p, support, acme, read_*, call\ng, ana, support, acme\n", "read_order", "read_file", model=KEYS),
    "patterns of parts": csv("p, support, acme, /orders/:id, call\ng, ana, support, acme\n", model=KEYS2),
    "a regex": csv("p, support, acme, ^read_[a-z]+$, call\np, lead, acme, ^(refund|ping)$, call\ng, ana, support, acme\n", "read_order", model=REGEX),
    "a regex that says that it has no end": csv("p, support, acme, ^read_.*, call\ng, ana, support, acme\n", "read_order", model=REGEX),
    "a denial": csv("p, support, acme, refund, call, allow\np, intern, acme, refund, call, deny\ng, ana, support, acme\n", "refund", model=EFFECT),
    "conditions": csv("p, support, acme, refund, call, r.args.amount <= 500 && r.args.currency in ['EUR', 'CHF']\np, lead, acme, refund, call, True\ng, ana, support, acme\n", "refund", model=EVAL),
    "a condition with a text in a text": csv("p, support, acme, read_order, call, 'A-' in r.args.order\ng, ana, support, acme\n", "read_order", model=EVAL),
    "no domains": csv("p, support, acme, refund, call\ng, ana, support\n", "refund", model=FLAT),
    "comments and blank lines": csv("# rights\n\np, support, acme, refund, call\n\ng, ana, support, acme\n", "refund"),
    "a delegation beside them": csv("p, support, acme, refund, call\np, agent:desk, acme, refund, call\ng, ana, support, acme\n", "refund", more='[[delegate]]\nfrom = "*"\nto = "agent:desk"\ncall = "refund"\n'),
    "namespaces": csv("p, support, acme, notes, read\np, support, acme, notes, write\ng, ana, support, acme\n", "refund"),
}  # fmt: skip

GOOD: dict[str, Good] = {
    f"{family}: {name}": case
    for family, cases in (
        ("desk", DESK),
        ("bank", BANK),
        ("operations", OPERATIONS),
        ("agents", AGENTS),
        ("casbin", FILES),
    )
    for name, case in cases.items()
}
"""Every good policy."""
