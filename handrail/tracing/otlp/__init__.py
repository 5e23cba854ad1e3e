"""OpenTelemetry spans as bytes: OTLP in protobuf and JSON, and the one-span-a-line dump, to and from `OtlpSpan`."""
