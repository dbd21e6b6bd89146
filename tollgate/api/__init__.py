"""The REST API under /api/v1: every act by its name, every noun to read, one document that describes both.

`acts` does what the panel does, `nouns` is the table of what may be read, `reads` answers from it, `schema` reads the
types of the acts, `document` writes OpenAPI from all of these. A new act is served by itself; a new noun is one line
in `nouns.NOUNS`.
"""
