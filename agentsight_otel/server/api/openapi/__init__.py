"""The REST interface described as OpenAPI 3.1, made from the route table."""
