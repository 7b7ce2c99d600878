"""RECEIVE: OTLP over HTTP in, the same delivery out."""
