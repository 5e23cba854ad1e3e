"""The engine: decides as stock Casbin does, from an immutable index over the rows of a policy.

``model.py`` and ``stock.py`` alone import Casbin. ``matcher.py`` makes functions of matchers, ``levels.py`` finds the
conjuncts that pin a field, ``tables.py`` looks policy values up by literal prefix, ``bounds.py`` says what may cost
too much, and ``program.py`` puts them together.
"""
