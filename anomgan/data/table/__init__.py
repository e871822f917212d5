"""Tables: schema, columns, cells."""
