"""What commands print with ``-o json``, as JSON Schemas: written here, published in docs/schemas, held in tests."""
