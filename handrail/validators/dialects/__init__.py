"""JSON Schema's dialects, evaluated with jsonschema's keywords inside a bound on work.

walker.py goes through schema and value, keywords.py and unevaluated.py hold the keywords that jsonschema evaluates in
time that is not bounded, formats.py the formats, short.py what keeps messages short.
"""
